/**
 * Names of things in Redis: digests under a secret, because addresses and accounts could be guessed from plain ones.
 * Before the digest stands whose it is, in plain words: users of Redis are let to names by what they begin with.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const TAG_BYTES = 16;

/** The name of the set of what is revoked, without the system. */
export const REVOKED = "revoked";
/** The name of the mark that changes whenever that set gets something new. */
export const REVOKED_MARK = "revoked-mark";

/** What the names of answers that a service got begin with, after the system. */
export const answersOfService = (service: string): string => `answer:${service}`;
/** What the names of a limit's counts begin with. Of all limits: `rate`. */
export const ratesOfLimit = (limit: string): string => `rate:${limit}`;
/** A system's name so that it can stand in a pattern: without blanks, and without what stands for something else. */
export const spelled = (system: string): string => encodeURIComponent(system).replaceAll("*", "%2A");
/** What all names of a system begin with. */
export const prefixOf = (system: string): string => `isomer:${system}`;

/** Makes names and seals for one system, or for a part of it. Its secret is the same in all hosts. */
export class RedisNames {
  readonly #secret: string | Uint8Array;
  readonly #prefix: string;

  /** @throws {TypeError} when the secret is shorter than 16 bytes. */
  constructor(system: string, secret: string | Uint8Array) {
    if (secret.length < TAG_BYTES) throw new TypeError("The secret of names in Redis must have at least 16 bytes.");
    this.#secret = secret;
    this.#prefix = prefixOf(system);
  }

  /** A name that says nothing about what it names. */
  hidden(kind: string, name: string): string {
    return `${this.#prefix}:${kind}:${this.digest(`${kind}\n${name}`)}`;
  }

  /** A name that everybody may read. */
  plain(name: string): string {
    return `${this.#prefix}:${name}`;
  }

  /** A digest under the secret, in base64url. */
  digest(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest().subarray(0, TAG_BYTES).toString("base64url");
  }

  /** A value that only a host of this system can have written under this name. */
  seal(name: string, value: string): string {
    return `${this.digest(`seal\n${name}\n${value}`)}${value}`;
  }

  /** What was sealed under this name; undefined when somebody else wrote it. */
  unseal(name: string, sealed: string): string | undefined {
    const value = sealed.slice(SEAL_LENGTH);
    const given = Buffer.from(sealed.slice(0, SEAL_LENGTH));
    const right = Buffer.from(this.digest(`seal\n${name}\n${value}`));
    return given.length === right.length && timingSafeEqual(given, right) ? value : undefined;
  }
}

const SEAL_LENGTH = 22;
