/**
 * Passwords: Argon2id (RFC 9106) in PHC strings, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. An unknown user costs as
 * much as a wrong password, so that the time of an answer does not tell who has an account.
 */
import type { Random } from "../std/mod.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import type { Argon2Parameters, Crypto } from "./crypto.ts";
import { isCommonPassword } from "./password-common.ts";

/** The least number of characters. NIST SP 800-63B asks for 8 and for no rules about their kinds. */
export const PASSWORD_LENGTH_MIN = 8;
/** The greatest number of characters: longer ones would cost us more than them. */
export const PASSWORD_LENGTH_MAX = 256;

/** OWASP's minimum: 19 MiB, two passes, one lane. About 20 ms of one core. */
export const ARGON2_DEFAULT: Argon2Parameters = {
  memoryKib: 19_456,
  passes: 2,
  parallelism: 1,
  tagLength: 32,
};

/** What {@link passwords} needs. */
export interface PasswordOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  /** The costs of new hashes; {@link ARGON2_DEFAULT} unless said. Tests take small ones. */
  readonly parameters?: Argon2Parameters;
}

/** Why a password is not accepted as a new one. */
export type PasswordProblem = "too-short" | "too-long" | "common";

/** Hashes and checks passwords. */
export interface Passwords {
  /** Hashes a password with a salt of its own. @throws {CryptoBusy} */
  hash(password: string): Promise<string>;
  /**
   * Whether the password is the one that was hashed. Without a hash (no such user) it does the same work, and the
   * answer is no; likewise for a hash of another form. @throws {CryptoBusy}
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
  /** Whether a hash was made with other costs than new ones are: hash anew at the next sign-in. */
  needsRehash(hash: string): boolean;
}

const SALT_BYTES = 16;
/** Bounds of what is taken from stored hashes, so that a damaged row cannot ask for all memory. */
const MEMORY_KIB_MAX = 1_048_576;
const PASSES_MAX = 20;
const LANES_MAX = 16;

/** What is wrong with a new password, or undefined. Lengths count code points of the normal form. */
export function passwordProblem(password: string): PasswordProblem | undefined {
  const normal = normalize(password);
  // Four UTF-16 units a character is more than any text has: bounds the work before it is counted.
  if (normal.length > 4 * PASSWORD_LENGTH_MAX) return "too-long";
  const length = Array.from(normal).length;
  if (length < PASSWORD_LENGTH_MIN) return "too-short";
  if (length > PASSWORD_LENGTH_MAX) return "too-long";
  return isCommonPassword(normal) ? "common" : undefined;
}

/** Makes the hashing of passwords. */
export function passwords({ crypto, random, parameters = ARGON2_DEFAULT }: PasswordOptions): Passwords {
  const dummySalt = random.bytes(SALT_BYTES);
  const dummy: Phc = { parameters, salt: dummySalt, tag: new Uint8Array(parameters.tagLength) };
  return {
    async hash(password) {
      const salt = random.bytes(SALT_BYTES);
      const tag = await crypto.argon2id(normalize(password), salt, parameters);
      return printPhc({ parameters, salt, tag });
    },
    async verify(password, hash) {
      const known = hash === undefined ? undefined : readPhc(hash);
      const { salt, tag, parameters: costs } = known ?? dummy;
      const found = await crypto.argon2id(normalize(password), salt, costs);
      return crypto.timingSafeEqual(found, tag) && known !== undefined;
    },
    needsRehash(hash) {
      const known = readPhc(hash);
      return known === undefined || !sameCosts(known.parameters, parameters);
    },
  };
}

/** One form for texts that look alike, so that every keyboard types the same password (NIST SP 800-63B §5.1.1.2). */
function normalize(password: string): string {
  return password.normalize("NFKC");
}

function sameCosts(a: Argon2Parameters, b: Argon2Parameters): boolean {
  return (
    a.memoryKib === b.memoryKib &&
    a.passes === b.passes &&
    a.parallelism === b.parallelism &&
    a.tagLength === b.tagLength
  );
}

interface Phc {
  readonly parameters: Argon2Parameters;
  readonly salt: Uint8Array;
  readonly tag: Uint8Array;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

function printPhc({ parameters: { memoryKib, passes, parallelism }, salt, tag }: Phc): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${toBase64(salt)}$${toBase64(tag)}`;
}

function readPhc(text: string): Phc | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [memoryKib, passes, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const salt = fromBase64(match[4] ?? "");
  const tag = fromBase64(match[5] ?? "");
  if (salt === undefined || tag === undefined || salt.length < 8) return undefined;
  const isBounded =
    passes >= 1 &&
    passes <= PASSES_MAX &&
    parallelism >= 1 &&
    parallelism <= LANES_MAX &&
    memoryKib >= 8 * parallelism &&
    memoryKib <= MEMORY_KIB_MAX;
  return isBounded ? { parameters: { memoryKib, passes, parallelism, tagLength: tag.length }, salt, tag } : undefined;
}

/** PHC strings use the standard alphabet without padding. */
function toBase64(bytes: Uint8Array): string {
  return toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/");
}

function fromBase64(text: string): Uint8Array | undefined {
  return fromBase64Url(text.replaceAll("+", "-").replaceAll("/", "_"));
}
