/**
 * The users of NATS: one for each service, with no more rights than its contract gives it. A service publishes its own
 * events, reads the streams of those that it hears, and wakes its own replicas. It makes no streams and no consumers,
 * removes nothing, and sees answers to itself only: a consumer or a stream that a service could make would deliver
 * others' events to subjects of its choice, with the server's rights.
 */
import { INSTANCES_SUBJECT, REGISTRY_STREAM, keysOf } from "./bucket.ts";
import { eventsSubject, hintSubject, inboxOf, storedSubject, streamOf } from "./names.ts";

/**
 * How a user is recognised: by a password (or its bcrypt hash), by the public part of an nkey, or by the URI of its
 * certificate, where the server's TLS has `verify_and_map`.
 */
export type NatsProof = { readonly password: string } | { readonly nkey: string } | { readonly uri: string };

/** A service, whose events it hears, and how it is recognised. */
export interface NatsServiceUser {
  readonly service: string;
  readonly hears: readonly string[];
  readonly proof: NatsProof;
}

/** All users of a system. */
export interface NatsUsers {
  readonly services: readonly NatsServiceUser[];
  /** Whoever runs the fleet: makes streams and rewinds them. Everything is allowed. */
  readonly operator: NatsProof;
  /** The edge: sees who runs where, and nothing else. */
  readonly gateway?: NatsProof;
}

/** What a user may do, by subject. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The name of the operator's user: no service can have it. */
export const OPERATOR = "_operator";
/** The name of the gateway's user. */
export const GATEWAY = "gateway";

/** What a service may do. */
export function permissionsOf({ service, hears }: Pick<NatsServiceUser, "service" | "hears">): NatsPermissions {
  return {
    publish: [
      eventsSubject(service),
      hintSubject(`${service}.*`),
      `$JS.API.STREAM.INFO.${streamOf(service)}`,
      ...[...new Set([service, ...hears])].map((read) => `$JS.API.STREAM.MSG.GET.${streamOf(read)}`),
      keysOf(service),
      `$JS.API.STREAM.MSG.GET.${REGISTRY_STREAM}`,
    ],
    subscribe: [`${inboxOf(service)}.>`, hintSubject(`${service}.*`), ...hears.map(storedSubject), INSTANCES_SUBJECT],
  };
}

/** The `authorization` block of the server's configuration. */
export function usersConfiguration({ services, operator, gateway }: NatsUsers): string {
  const users = [
    userOf(OPERATOR, operator, { publish: [">"], subscribe: [">"] }),
    ...(gateway === undefined ? [] : [userOf(GATEWAY, gateway, gatewayPermissions())]),
    ...services.map((user) => userOf(user.service, user.proof, permissionsOf(user))),
  ];
  return `authorization: ${JSON.stringify({ timeout: 5, users }, undefined, 2)}`;
}

function gatewayPermissions(): NatsPermissions {
  return {
    publish: [`$JS.API.STREAM.MSG.GET.${REGISTRY_STREAM}`],
    subscribe: [`${inboxOf(GATEWAY)}.>`, INSTANCES_SUBJECT],
  };
}

function userOf(name: string, proof: NatsProof, { publish, subscribe }: NatsPermissions): object {
  const permissions = { publish: { allow: publish }, subscribe: { allow: subscribe } };
  if ("nkey" in proof) return { nkey: proof.nkey, permissions };
  if ("uri" in proof) return { user: proof.uri, permissions };
  return { user: name, password: proof.password, permissions };
}
