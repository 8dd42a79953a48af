import assert from "node:assert/strict";
import { test } from "node:test";
import { CryptoBusy } from "../security/mod.ts";
import { cryptoConformance } from "../security/testing/crypto-conformance.ts";
import { nodeCrypto } from "./crypto.ts";

cryptoConformance("OpenSSL's", nodeCrypto);

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
