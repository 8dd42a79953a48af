/** Randomness, and cryptography that draws it or runs on other threads. */
import crypto from "node:crypto";
import { type Guard, type Source, all, some } from "./source.ts";

const RANDOM = "the Random port, or Ids";
const CRYPTO = "the Crypto port";

/**
 * Hashing, signing and encrypting with what is given, at once: the seed decides it. Everything else that `node:crypto`
 * has draws numbers, or runs on the thread pool.
 */
const DECIDED: readonly (string | RegExp)[] = [
  /^(?:argon2|hkdf|pbkdf2|scrypt|checkPrime)Sync$/,
  /^(?:Certificate|Cipheriv|Decipheriv|DiffieHellman|DiffieHellmanGroup|ECDH|Hash|Hmac|KeyObject|Sign|Verify)$/,
  /^(?:X509Certificate|createCipheriv|createDecipheriv|createDiffieHellmanGroup|createECDH|createHash|createHmac)$/,
  /^(?:createPrivateKey|createPublicKey|createSecretKey|createSign|createVerify|getDiffieHellman|hash)$/,
  /^(?:privateDecrypt|privateEncrypt|publicDecrypt|timingSafeEqual)$/,
  /^(?:get(?:Ciphers|CipherInfo|Curves|Hashes|Fips)|setFips|setEngine)$/,
];

/** With a callback these run on the thread pool. */
const withCallback =
  (what: string): Guard =>
  (args) =>
    typeof args.at(-1) === "function" ? `${what} with a callback` : undefined;
const primeGuard: Guard = ([size]) => (typeof size === "number" ? "createDiffieHellman() of a new prime" : undefined);

const GUARDS: Readonly<Record<string, Guard>> = {
  sign: withCallback("sign()"),
  verify: withCallback("verify()"),
  diffieHellman: withCallback("diffieHellman()"),
  decapsulate: withCallback("decapsulate()"),
  createDiffieHellman: primeGuard,
};

/** What draws numbers, or lets a thread pool decide when it ends. */
export function sourcesOfChance(): readonly Source[] {
  const instead = CRYPTO;
  return [
    ...some({ name: "Math", owner: Math, instead: RANDOM }, ["random"]),
    ...some({ name: "crypto", owner: Crypto.prototype, instead: RANDOM }, ["getRandomValues", "randomUUID"]),
    ...some({ name: "URL", owner: URL, instead: RANDOM }, ["createObjectURL"]),
    // Not `crypto.subtle` itself: whoever holds it from before must trip too.
    ...all({ name: "crypto.subtle", owner: SubtleCrypto.prototype, instead }, []),
    ...some({ name: "node:crypto", owner: crypto, instead: RANDOM }, RANDOM_NAMES),
    ...all({ name: "node:crypto", owner: crypto, instead }, [...DECIDED, ...RANDOM_NAMES], GUARDS),
    ...["ECDH", "DiffieHellman", "DiffieHellmanGroup"].flatMap((name) =>
      some({ name: `node:crypto.${name}`, owner: prototypeOf(name), instead }, ["generateKeys"]),
    ),
  ];
}

const RANDOM_NAMES = [
  ...["randomBytes", "randomFill", "randomFillSync", "randomInt", "randomUUID", "randomUUIDv7"],
  ...["prng", "rng", "pseudoRandomBytes"],
];

function prototypeOf(name: string): object {
  return (Reflect.get(crypto, name) as { readonly prototype: object }).prototype;
}
