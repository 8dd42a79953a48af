/** Cryptography by OpenSSL, through `node:crypto`. */
import {
  type KeyObject,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import type { Crypto, Ed25519, PrivateKeyJwk, PublicKeyJwk } from "../security/mod.ts";
import { argon2Pool } from "./crypto-argon2.ts";

/** Bounds of the real cryptography. */
export interface NodeCryptoOptions {
  /**
   * How many passwords are hashed at once; 2 unless said. Each takes a thread of libuv's pool, of which there are 4,
   * and the others are for files and name look-ups: more than half of them would starve those.
   */
  readonly hashingMax?: number;
  /** How many more may wait; 64 unless said, about a second's work. */
  readonly waitingMax?: number;
}

/** The most imported keys kept. A system has a handful; the bound is against input that names many. */
const IMPORTED_MAX = 64;

/** The real cryptography. */
export function nodeCrypto(options: NodeCryptoOptions = {}): Crypto {
  return {
    ed25519: nodeEd25519(),
    sha256: (data) => bytesOf(hash("sha256", data, "buffer")),
    hmacSha256: (key, data) => bytesOf(createHmac("sha256", key).update(data).digest()),
    timingSafeEqual: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    argon2id: argon2Pool({
      hashingMax: options.hashingMax ?? 2,
      waitingMax: options.waitingMax ?? 64,
    }),
  };
}

function nodeEd25519(): Ed25519 {
  const publicKeys = new Map<string, KeyObject>();
  const privateKeys = new Map<string, KeyObject>();
  const imported = (keys: Map<string, KeyObject>, id: string, make: () => KeyObject): KeyObject => {
    const known = keys.get(id);
    if (known !== undefined) return known;
    const key = make();
    if (keys.size >= IMPORTED_MAX) keys.clear();
    keys.set(id, key);
    return key;
  };
  return {
    generateKeyPair() {
      const { kty, crv, x, d } = generateKeyPairSync("ed25519").privateKey.export({
        format: "jwk",
      });
      if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || d === undefined) {
        throw new TypeError("node:crypto made a key of another kind than Ed25519.");
      }
      return { kty, crv, x, d };
    },
    sign: (jwk, data) =>
      bytesOf(
        sign(
          null,
          toView(data),
          imported(privateKeys, jwk.d, () => toPrivateKey(jwk)),
        ),
      ),
    verify(jwk, data, signature) {
      if (signature.length !== 64) return false;
      try {
        const key = imported(publicKeys, jwk.x, () => toPublicKey(jwk));
        return verify(null, toView(data), key, signature);
      } catch {
        // A key that is no point of the curve verifies nothing.
        return false;
      }
    },
  };
}

function toPublicKey({ kty, crv, x }: PublicKeyJwk): KeyObject {
  return createPublicKey({ key: { kty, crv, x }, format: "jwk" });
}

function toPrivateKey({ kty, crv, x, d }: PrivateKeyJwk): KeyObject {
  return createPrivateKey({ key: { kty, crv, x, d }, format: "jwk" });
}

const encoder = new TextEncoder();

function toView(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** A plain byte array over the same memory: a Buffer has other methods, and would compare unequal in tests. */
function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
