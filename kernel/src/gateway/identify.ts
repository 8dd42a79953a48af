/** Who sends a request: by bearer token or API key. */
import type { Identity } from "../contract/mod.ts";
import { CredentialInvalid, Malformed } from "./faults.ts";
import type { Authenticate } from "./ports.ts";
import { type GatewayRequest, headerOf } from "./request.ts";

/** The judges of credentials; without one, credentials of that kind are refused. */
export interface Judges {
  readonly authenticate: Authenticate | undefined;
  readonly apiKey: Authenticate | undefined;
}

/** Credentials longer than this are refused unread. */
const CREDENTIAL_LENGTH_MAX = 8_192;

/**
 * The identity behind a request; `undefined` when it carries no credential. One that is not valid is refused even
 * where anyone may call: its sender believes to be somebody.
 * @throws {CredentialInvalid}, {@link Malformed} when it carries two.
 */
export async function identify(request: GatewayRequest, judges: Judges): Promise<Identity | undefined> {
  const authorization = headerOf(request, "authorization");
  const apiKey = headerOf(request, "x-api-key");
  if (authorization === undefined) {
    return apiKey === undefined ? undefined : judge(apiKey, judges.apiKey, "API key");
  }
  if (apiKey !== undefined) {
    throw Malformed.with({ what: "request", problem: "carries both a bearer token and an API key" });
  }
  const space = authorization.indexOf(" ");
  if (authorization.slice(0, space).toLowerCase() !== "bearer") {
    throw CredentialInvalid.with({ credential: "header Authorization" });
  }
  return judge(authorization.slice(space + 1), judges.authenticate, "bearer token");
}

async function judge(credential: string, by: Authenticate | undefined, name: string): Promise<Identity> {
  const plausible = credential !== "" && credential.length <= CREDENTIAL_LENGTH_MAX;
  const identity = plausible ? await by?.(credential) : undefined;
  if (identity === undefined) throw CredentialInvalid.with({ credential: name });
  return identity;
}
