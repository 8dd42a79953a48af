/**
 * Opaque tokens: API keys, refresh tokens, links in mails. Only their SHA-256 is stored. They are 256 random bits, so
 * that nobody can guess one, and a fast hash is enough (unlike passwords).
 */
import type { Random } from "../std/mod.ts";
import { toBase64Url } from "./base64url.ts";
import type { Crypto } from "./crypto.ts";

const TOKEN_BYTES = 32;

/** A token that was made: the text for its holder, the digest for the database. */
export interface OpaqueToken {
  /** 43 characters of base64url, after the prefix if there is one. Never stored, never logged. */
  readonly text: string;
  readonly digest: string;
}

/**
 * Makes a token.
 * @param prefix Says what it is (`isk_`), so that people and secret scanners recognise one that leaked.
 */
export function makeToken(crypto: Crypto, random: Random, prefix = ""): OpaqueToken {
  const text = prefix + toBase64Url(random.bytes(TOKEN_BYTES));
  return { text, digest: tokenDigest(crypto, text) };
}

/**
 * What is stored of a token, and looked up when one is shown. Looking up by digest needs no constant-time
 * comparison: whoever probes cannot choose a digest's leading characters.
 */
export function tokenDigest(crypto: Crypto, text: string): string {
  return toBase64Url(crypto.sha256(text));
}
