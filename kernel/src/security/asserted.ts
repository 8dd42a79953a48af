/**
 * Identities that a service asserts: it tells for whom it works, without a token that proves it. They come from sagas, which
 * go on when the user's token is over. They give no right (`authorize.ts`), and are there for the record.
 */
import type { Identity } from "../contract/mod.ts";
import { readStrictObject } from "./strict-json.ts";

/** No token of ours begins like this: the colon is not in their alphabet. */
const PREFIX = "asserted:";
const TEXT_LENGTH_MAX = 256;
const ASSERTION_LENGTH_MAX = 2_048;
const encoder = new TextEncoder();

/** The identity as a service may assert it: the same user, without roles. */
export function assertedIdentity(identity: Identity): Identity {
  if (identity.asserted === true && identity.roles.length === 0) return identity;
  const { subject, guest, session } = identity;
  return { subject, roles: [], guest, asserted: true, ...(session === undefined ? {} : { session }) };
}

/** Writes an identity to travel where a token would. It is not signed: the connection tells who asserts it. */
export function writeAssertion({ subject, guest, session }: Identity): string {
  return PREFIX + JSON.stringify({ subject, guest, ...(session === undefined ? {} : { session }) });
}

/** Reads what {@link writeAssertion} wrote: undefined for tokens, `malformed` for what begins like an assertion and is none. */
export function readAssertion(text: string): Identity | "malformed" | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  if (text.length > ASSERTION_LENGTH_MAX) return "malformed";
  const said = readStrictObject(encoder.encode(text.slice(PREFIX.length)));
  if (said === undefined) return "malformed";
  const { subject, guest, session } = said;
  if (!isText(subject) || typeof guest !== "boolean" || (session !== undefined && !isText(session))) return "malformed";
  return { subject, roles: [], guest, asserted: true, ...(session === undefined ? {} : { session }) };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= TEXT_LENGTH_MAX;
}
