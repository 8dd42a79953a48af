/**
 * Cryptography as a port. Everything but password hashing is synchronous: work on the thread pool would end in an
 * order that no seed decides, and for inputs of this size the pool costs more than the work. All implementations are held
 * to one conformance suite (`security/testing/crypto-conformance.ts`).
 */
import { type FaultType, defineFault } from "../std/mod.ts";

/** Bytes, or a text that stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array;

/** An Ed25519 public key as a JWK (RFC 8037). */
export interface PublicKeyJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** The public key, 32 bytes in base64url. */
  readonly x: string;
}

/** An Ed25519 private key as a JWK (RFC 8037). Never logged. */
export interface PrivateKeyJwk extends PublicKeyJwk {
  /** The private key, 32 bytes in base64url. */
  readonly d: string;
}

/** The costs of Argon2id (RFC 9106 §3.1). */
export interface Argon2Parameters {
  /** Memory in KiB. */
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  /** Length of the hash in bytes. */
  readonly tagLength: number;
}

/** Signatures by Ed25519 (RFC 8032). Imported keys are cached, so that a key may be given as its JWK each time. */
export interface Ed25519 {
  generateKeyPair(): PrivateKeyJwk;
  /** The signature, 64 bytes. */
  sign(privateKey: PrivateKeyJwk, data: Bytes): Uint8Array;
  /** Whether the signature is the key's for this data. False, never an error, for anything malformed. */
  verify(publicKey: PublicKeyJwk, data: Bytes, signature: Uint8Array): boolean;
}

/** The cryptography of the host that code runs on. */
export interface Crypto {
  readonly ed25519: Ed25519;
  sha256(data: Bytes): Uint8Array;
  hmacSha256(key: Bytes, data: Bytes): Uint8Array;
  /** Whether two byte strings are equal, in a time that depends on their lengths only. */
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
  /**
   * Hashes a password. Runs outside the event loop, few at a time, with a bounded queue.
   * @throws {CryptoBusy} when too many wait.
   */
  argon2id(password: string, salt: Uint8Array, parameters: Argon2Parameters): Promise<Uint8Array>;
}

/** More passwords wait to be hashed than the bound allows. Nothing happened; repeat later. */
export const CryptoBusy: FaultType<{ waitingMax: number }> = defineFault({
  code: "kernel/crypto-busy",
  kind: "exhausted",
  message: ({ waitingMax }) => `${waitingMax} passwords wait to be checked already. Repeat in a moment.`,
});
