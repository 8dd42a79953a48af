import assert from "node:assert/strict";
import { test } from "node:test";
import { CryptoBusy, fromHex, toHex } from "../security/mod.ts";
import { nodeCrypto } from "./crypto.ts";

const crypto = nodeCrypto();
const bytes = (hex: string): Uint8Array => fromHex(hex) ?? assert.fail("not hexadecimal");

void test("digests equal the published vectors (FIPS 180-2, RFC 4231 case 2)", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(toHex(crypto.sha256("abc")), abc);
  assert.equal(toHex(crypto.sha256(new TextEncoder().encode("abc"))), abc);
  assert.equal(
    toHex(crypto.hmacSha256("Jefe", "what do ya want for nothing?")),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

void test("Ed25519 signs as RFC 8032 §7.1 test 2 says, and verifies nothing else", () => {
  const base64url = (hex: string): string => Buffer.from(hex, "hex").toString("base64url");
  const key = {
    kty: "OKP",
    crv: "Ed25519",
    d: base64url("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
    x: base64url("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
  } as const;
  const signature = crypto.ed25519.sign(key, bytes("72"));
  assert.equal(
    toHex(signature),
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  assert.equal(crypto.ed25519.verify(key, bytes("72"), signature), true);
  assert.equal(crypto.ed25519.verify(key, bytes("73"), signature), false);
  assert.equal(crypto.ed25519.verify(key, bytes("72"), signature.subarray(1)), false);
  assert.equal(crypto.ed25519.verify({ ...key, x: "AA" }, bytes("72"), signature), false);
  const other = crypto.ed25519.generateKeyPair();
  assert.equal(crypto.ed25519.verify(other, bytes("72"), signature), false);
  assert.equal(crypto.ed25519.verify(other, "text", crypto.ed25519.sign(other, "text")), true);
});

void test("comparison holds for equal bytes only, whatever the lengths", () => {
  assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("0102")), true);
  assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("0103")), false);
  assert.equal(crypto.timingSafeEqual(bytes("0102"), bytes("01")), false);
});

void test("password hashing takes what the bounds allow, in order, and refuses the rest", async () => {
  const hasher = nodeCrypto({ hashingMax: 1, waitingMax: 2 });
  const costs = { memoryKib: 8, passes: 1, parallelism: 1, tagLength: 16 };
  const finished: number[] = [];
  const hashing = [0, 1, 2].map(async (number) => {
    await hasher.argon2id("password", new Uint8Array(16), costs);
    finished.push(number);
  });
  await assert.rejects(hasher.argon2id("one too many", new Uint8Array(16), costs), CryptoBusy.is);
  await Promise.all(hashing);
  assert.deepEqual(finished, [0, 1, 2]);
  assert.equal((await hasher.argon2id("there is room again", new Uint8Array(16), costs)).length, 16);
});

void test("a hash that fails gives its place back", async () => {
  const hasher = nodeCrypto({ hashingMax: 1, waitingMax: 0 });
  const costs = { memoryKib: 8, passes: 1, parallelism: 1, tagLength: 16 };
  await assert.rejects(hasher.argon2id("salt too short", new Uint8Array(2), costs));
  assert.equal((await hasher.argon2id("password", new Uint8Array(16), costs)).length, 16);
});
