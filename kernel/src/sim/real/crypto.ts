/**
 * Cryptography that a seed decides. Hashes and signatures are real; keys are made from the simulation's randomness, and
 * passwords are hashed by one round of SHA-256, because argon2 runs on threads that no seed rules.
 */
import {
  type KeyObject,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  sign,
  verify,
} from "node:crypto";
import type { Crypto, Ed25519, PrivateKeyJwk, PublicKeyJwk } from "../../security/mod.ts";
import type { Random } from "../../std/mod.ts";

/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** Imported keys. The halves are kept apart: whoever gives a private key's text as a public key has no key. */
const publicKeys = new Map<string, KeyObject>();
const privateKeys = new Map<string, KeyObject>();
const KEYS_MAX = 256;
const SALT_MIN = 8;

/** The cryptography of a simulated host. */
export function simulatedCrypto(random: Random): Crypto {
  return {
    ed25519: ed25519(random),
    sha256: (data) => plain(hash("sha256", data, "buffer")),
    hmacSha256: (key, data) => plain(createHmac("sha256", key).update(data).digest()),
    timingSafeEqual: (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]),
    async argon2id(password, salt, { tagLength, ...costs }) {
      if (salt.length < SALT_MIN) throw new RangeError(`A salt has ${SALT_MIN} bytes or more (RFC 9106 §3.1).`);
      const { memoryKib, passes, parallelism } = costs;
      const inputs = JSON.stringify([memoryKib, passes, parallelism, tagLength, salt.length]);
      const digest = createHash("sha256").update(inputs).update(salt).update(password).digest();
      return Uint8Array.from({ length: tagLength }, (_, index) => digest[index % digest.length] ?? 0);
    },
  };
}

function ed25519(random: Random): Ed25519 {
  return {
    generateKeyPair() {
      const key = createPrivateKey({
        key: Buffer.concat([PKCS8_HEAD, random.bytes(32)]),
        format: "der",
        type: "pkcs8",
      });
      const { x, d } = key.export({ format: "jwk" });
      if (x === undefined || d === undefined) throw new TypeError("This is no Ed25519 key.");
      return { kty: "OKP", crv: "Ed25519", x, d };
    },
    sign: (jwk, data) =>
      plain(
        sign(
          null,
          Buffer.from(data),
          keyOf(privateKeys, jwk.d, () => privateKey(jwk)),
        ),
      ),
    verify(jwk, data, signature) {
      if (signature.length !== 64) return false;
      try {
        return verify(
          null,
          Buffer.from(data),
          keyOf(publicKeys, jwk.x, () => publicKey(jwk)),
          signature,
        );
      } catch {
        return false;
      }
    },
  };
}

function keyOf(keys: Map<string, KeyObject>, id: string, make: () => KeyObject): KeyObject {
  let key = keys.get(id);
  if (key === undefined) {
    if (keys.size >= KEYS_MAX) keys.clear();
    keys.set(id, (key = make()));
  }
  return key;
}

function publicKey({ kty, crv, x }: PublicKeyJwk): KeyObject {
  return createPublicKey({ key: { kty, crv, x }, format: "jwk" });
}

function privateKey({ kty, crv, x, d }: PrivateKeyJwk): KeyObject {
  return createPrivateKey({ key: { kty, crv, x, d }, format: "jwk" });
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
