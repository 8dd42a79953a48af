/**
 * The users of NATS: one for each service, with no more rights than its contract gives it. A service publishes its own
 * events, reads the streams of those that it hears, and wakes its own replicas. It makes no streams and no consumers,
 * removes nothing, and sees answers to itself only: a consumer or a stream that a service could make would deliver
 * others' events to subjects of its choice, with the server's rights.
 *
 * Each user has an account of its own, and the streams are in another one. NATS checks the subject that a user publishes
 * to, but not the one that it wants the answer at: within one account JetStream would publish its acknowledgement there
 * with the server's rights, into another's stream or to the API that empties it. Between accounts goes what is exported
 * to one and imported by it, and an answer comes out in the account that asked.
 */
import { INSTANCES_SUBJECT, REGISTRY_STREAM, keysOf } from "./bucket.ts";
import { API, OPERATOR, eventsSubject, hintSubject, inboxOf, storedSubject, streamOf } from "./names.ts";

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

export { OPERATOR } from "./names.ts";
/** The name of the gateway's user. */
export const GATEWAY = "gateway";

/** The account that has the streams. Names of services are in lower case: none is this one. */
export const STREAMS_ACCOUNT = "STREAMS";

/** A user with an account of its own. */
interface Party {
  readonly name: string;
  readonly proof: NatsProof;
  /** What it asks of the account of streams. */
  readonly asks: readonly string[];
  /** What it hears from there. */
  readonly hears: readonly string[];
  /** What it tells itself: its replicas have the same account. */
  readonly own: readonly string[];
}

/** What a service may do. */
export function permissionsOf(user: Pick<NatsServiceUser, "service" | "hears">): NatsPermissions {
  return permissionsIn(partyOf(user));
}

function partyOf({ service, hears }: Pick<NatsServiceUser, "service" | "hears">): Omit<Party, "proof"> {
  return {
    name: service,
    asks: [
      eventsSubject(service),
      `${API}.STREAM.INFO.${streamOf(service)}`,
      ...[...new Set([service, ...hears])].map((read) => `${API}.STREAM.MSG.GET.${streamOf(read)}`),
      keysOf(service),
      `${API}.STREAM.MSG.GET.${REGISTRY_STREAM}`,
    ],
    hears: [...hears.map(storedSubject), INSTANCES_SUBJECT],
    own: [hintSubject(`${service}.*`)],
  };
}

function gatewayParty(): Omit<Party, "proof"> {
  return {
    name: GATEWAY,
    asks: [`${API}.STREAM.MSG.GET.${REGISTRY_STREAM}`],
    hears: [INSTANCES_SUBJECT],
    own: [],
  };
}

/** The rights within a party's account. There is nothing else in it; they say so a second time. */
function permissionsIn({ name, asks, hears, own }: Omit<Party, "proof">): NatsPermissions {
  return { publish: [...own, ...asks], subscribe: [`${inboxOf(name)}.>`, ...own, ...hears] };
}

/** The `accounts` and `authorization` blocks of the server's configuration. */
export function usersConfiguration({ services, operator, gateway }: NatsUsers): string {
  const parties: readonly Party[] = [
    ...(gateway === undefined ? [] : [{ ...gatewayParty(), proof: gateway }]),
    ...services.map((user) => ({ ...partyOf(user), proof: user.proof })),
  ];
  const accounts = {
    [STREAMS_ACCOUNT]: {
      jetstream: "enabled",
      // So that the operator may ask as the others do.
      mappings: { [`${API}.>`]: "$JS.API.>" },
      users: [userOf(OPERATOR, operator, { publish: [">"], subscribe: [">"] })],
      exports: [...exportsOf("service", parties), ...exportsOf("stream", parties)],
    },
    ...Object.fromEntries(parties.map((party) => [party.name, accountOf(party)])),
  };
  return `authorization: { timeout: 5 }\naccounts: ${JSON.stringify(accounts, undefined, 2)}`;
}

/** What the account of streams offers, each subject to those parties only that may import it. */
function exportsOf(kind: "service" | "stream", parties: readonly Party[]): readonly object[] {
  const importers = new Map<string, string[]>();
  for (const { name, asks, hears } of parties) {
    for (const subject of kind === "service" ? asks.map(apiSubject) : hears) {
      importers.set(subject, [...(importers.get(subject) ?? []), name]);
    }
  }
  return [...importers].map(([subject, accounts]) => ({ [kind]: subject, accounts }));
}

/** What a user asks for, as the account of streams knows it. */
const apiSubject = (subject: string): string => subject.replace(`${API}.`, "$JS.API.");

function accountOf(party: Party): object {
  const from = (subject: string) => ({ account: STREAMS_ACCOUNT, subject });
  return {
    users: [userOf(party.name, party.proof, permissionsIn(party))],
    imports: [
      ...party.asks.map((subject) => ({ service: from(apiSubject(subject)), to: subject })),
      ...party.hears.map((subject) => ({ stream: from(subject) })),
    ],
  };
}

function userOf(name: string, proof: NatsProof, { publish, subscribe }: NatsPermissions): object {
  const permissions = { publish: { allow: publish }, subscribe: { allow: subscribe } };
  if ("nkey" in proof) return { nkey: proof.nkey, permissions };
  if ("uri" in proof) return { user: proof.uri, permissions };
  return { user: name, password: proof.password, permissions };
}
