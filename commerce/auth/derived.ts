/**
 * Secrets that are derived, not stored: refresh tokens, links in mails and API keys are an id and a MAC over it, by a
 * key that never leaves this service. So they can be made again after the commit, and neither an idempotency record
 * nor an event nor a table ever holds one. (With `settings.pepper` the database alone does not hold the key either.)
 */
import { type Crypto, toBase64Url } from "@isomer/kernel/security";

/** What a derived secret is for: one is never good for another. */
export type Kind = "refresh" | "link" | "api-key";

const PREFIX: Readonly<Record<Kind, string>> = { refresh: "isr_", link: "isl_", "api-key": "isk_" };
const TOKEN = /^(is[rlk]_)([\w-]{1,64}(?:\.\d{1,15})?)\.([\w-]{43})$/;

/** Makes and reads derived secrets. */
export interface Deriver {
  /** The secret of a name: letters, digits, `-`, and at most one number after a dot. */
  make(kind: Kind, name: string): string;
  /** The name that a secret was made of, or undefined when it was not made here for this. */
  read(kind: Kind, token: string): string | undefined;
}

/** Makes a deriver from the service's secret. */
export function deriver(crypto: Crypto, secret: string, pepper = ""): Deriver {
  const key = crypto.hmacSha256(pepper, secret);
  const macOf = (kind: Kind, name: string): Uint8Array => crypto.hmacSha256(key, `${kind}\n${name}`);
  return {
    make: (kind, name) => `${PREFIX[kind]}${name}.${toBase64Url(macOf(kind, name))}`,
    read(kind, token) {
      const match = TOKEN.exec(token);
      const [, prefix, name = "", mac = ""] = match ?? [];
      if (prefix !== PREFIX[kind]) return undefined;
      const expected = toBase64Url(macOf(kind, name));
      const encoder = new TextEncoder();
      return crypto.timingSafeEqual(encoder.encode(mac), encoder.encode(expected)) ? name : undefined;
    },
  };
}

/** The name of a session's refresh token. */
export function refreshName(sessionId: string, generation: number): string {
  return `${sessionId}.${generation}`;
}

/** The session and the generation in the name of a refresh token. */
export function readRefreshName(name: string): { readonly sessionId: string; readonly generation: number } {
  const [sessionId = "", generation = "0"] = name.split(".");
  return { sessionId, generation: Number(generation) };
}
