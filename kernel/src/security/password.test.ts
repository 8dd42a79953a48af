import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.ts";
import { systemRandom } from "../node/random.ts";
import type { Argon2Parameters, Crypto } from "./crypto.ts";
import { isCommonPassword } from "./password-common.ts";
import { ARGON2_DEFAULT, passwordProblem, passwords } from "./password.ts";

const small: Argon2Parameters = { memoryKib: 8, passes: 1, parallelism: 1, tagLength: 32 };
const random = systemRandom();
const crypto = nodeCrypto();
const fast = passwords({ crypto, random, parameters: small });

void test("a hash is a PHC string with OWASP's parameters, and verifies", async () => {
  const usual = passwords({ crypto, random });
  const text = await usual.hash("correct horse battery");
  assert.match(text, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.equal(await usual.verify("correct horse battery", text), true);
  assert.equal(await usual.verify("correct horse batterz", text), false);
  assert.equal(usual.needsRehash(text), false);
  assert.equal(usual.needsRehash(await fast.hash("correct horse battery")), true);
});

void test("a hash that another program made verifies", async () => {
  const [nonce, message] = [Buffer.from("a salt of 16 byt"), "another program's"];
  const costs = { memory: 64, passes: 3, parallelism: 2, tagLength: 24 };
  const tag = argon2Sync("argon2id", { message, nonce, ...costs });
  const b64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  const phc = `$argon2id$v=19$m=64,t=3,p=2$${b64(nonce)}$${b64(tag)}`;
  assert.equal(await fast.verify(message, phc), true);
  assert.equal(await fast.verify(`${message}!`, phc), false);
});

void test("equal passwords have different hashes; texts that look alike are one password", async () => {
  const [a, b] = await Promise.all([fast.hash("Ångström 1"), fast.hash("Ångström 1")]);
  assert.notEqual(a, b);
  assert.equal(await fast.verify("A\u030angstro\u0308m 1", a), true);
});

void test("an unknown user and a damaged hash cost one hash of the usual size, and are refused", async () => {
  const costs: Argon2Parameters[] = [];
  const counting: Crypto = {
    ...crypto,
    argon2id(password, salt, parameters) {
      costs.push(parameters);
      return crypto.argon2id(password, salt, parameters);
    },
  };
  const counted = passwords({ crypto: counting, random, parameters: small });
  const damaged = ["", "x", "$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQ$dGFndGFndGFndGFndGFn", "$2b$10$abc"];
  for (const hash of [undefined, ...damaged]) assert.equal(await counted.verify("whatever it is", hash), false);
  assert.deepEqual(
    costs,
    Array.from({ length: damaged.length + 1 }, () => small),
  );
});

void test("the bounds of length count characters, after normalising", () => {
  assert.equal(passwordProblem("sh0rt.!"), "too-short");
  assert.equal(passwordProblem("𝕋öööööö"), "too-short");
  assert.equal(passwordProblem("öüäßéèêñ"), undefined);
  assert.equal(passwordProblem("a quite long passphrase, that is"), undefined);
  assert.equal(passwordProblem("ab".repeat(128) + "c"), "too-long");
  assert.equal(passwordProblem("x".repeat(1_000_000)), "too-long");
});

for (const common of [
  "password",
  "Password1!",
  "P@ssw0rd",
  "12345678",
  "1234567890",
  "87654321",
  "qwertyui",
  "aaaaaaaa",
  "abcabcabc",
  "Summer2025!",
  "!!dragon77",
  "19840312",
  "iloveyou2",
]) {
  void test(`"${common}" is common`, () => assert.equal(isCommonPassword(common), true));
}

for (const fine of ["correct horse battery", "tr0ub4dor&3x", "vY7#kq2Lw", "passwordless-login-now", "demo-shop-2026"]) {
  void test(`"${fine}" is not common`, () => assert.equal(isCommonPassword(fine), false));
}

void test("the default costs are at least OWASP's minimum", () => {
  assert.ok(ARGON2_DEFAULT.memoryKib >= 19_456 && ARGON2_DEFAULT.passes >= 2);
});
