import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nodeCrypto } from "../node/crypto.ts";
import { systemRandom } from "../node/random.ts";
import { type RefreshRecord, rotateRefresh } from "./refresh.ts";
import { makeToken, tokenDigest } from "./tokens.ts";

const policy = { idleMs: 1_000, familyMs: 5_000 };
const record: RefreshRecord = {
  digest: "d1",
  family: "f1",
  subject: "u1",
  expiresAt: 1_000,
  usedAt: undefined,
  revokedAt: undefined,
};

void test("a token is 256 bits after its prefix, and its digest tells nothing of it", () => {
  const crypto = nodeCrypto();
  const { text, digest } = makeToken(crypto, systemRandom(), "isk_");
  assert.match(text, /^isk_[\w-]{43}$/);
  assert.match(digest, /^[\w-]{43}$/);
  assert.equal(tokenDigest(crypto, text), digest);
  assert.notEqual(makeToken(crypto, systemRandom()).digest, digest);
});

void test("a good refresh token is exchanged, for one that ends with its family at the latest", () => {
  const rotated = { kind: "rotate", family: "f1", subject: "u1" };
  assert.deepEqual(rotateRefresh(record, 0, 500, policy), { ...rotated, expiresAt: 1_500 });
  const late = { ...record, expiresAt: 4_900 };
  assert.deepEqual(rotateRefresh(late, 0, 4_800, policy), { ...rotated, expiresAt: 5_000 });
});

void test("a used one ends the family, even when it has expired", () => {
  const used = { ...record, usedAt: 100 };
  for (const now of [100, 500, 9_000]) {
    assert.deepEqual(rotateRefresh(used, 0, now, policy), { kind: "reuse", family: "f1", subject: "u1" });
  }
  assert.equal(rotateRefresh(used, 0, 105, { ...policy, graceMs: 10 }).kind, "rotate");
  assert.equal(rotateRefresh(used, 0, 110, { ...policy, graceMs: 10 }).kind, "reuse");
});

void test("unknown, expired and revoked ones are refused", () => {
  assert.deepEqual(rotateRefresh(undefined, 0, 0, policy), { kind: "refuse", reason: "unknown" });
  assert.deepEqual(rotateRefresh(record, 0, 1_000, policy), { kind: "refuse", reason: "expired" });
  const long = { ...record, expiresAt: 9_000 };
  assert.deepEqual(rotateRefresh(long, 0, 5_000, policy), { kind: "refuse", reason: "expired" });
  const revoked = { ...record, usedAt: 1, revokedAt: 2 };
  assert.deepEqual(rotateRefresh(revoked, 0, 3, policy), { kind: "refuse", reason: "revoked" });
});

/** A family as the auth service keeps it, run against any order of uses by its user and a thief. */
void test("whatever the order of uses, each token gives one successor, and a reuse leaves nothing good", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 30 }), (uses) => {
      let family: RefreshRecord[] = [{ ...record, digest: "0" }];
      let isEnded = false;
      for (const [step, use] of uses.entries()) {
        const shown = family[use % family.length];
        const outcome = rotateRefresh(shown, 0, step, policy);
        if (isEnded) assert.equal(outcome.kind, "refuse");
        if (outcome.kind === "rotate") {
          assert.equal(shown?.usedAt, undefined);
          family = family.map((one) => (one === shown ? { ...one, usedAt: step } : one));
          family.push({ ...record, digest: String(family.length), expiresAt: outcome.expiresAt });
        }
        if (outcome.kind === "reuse") {
          isEnded = true;
          family = family.map((one) => ({ ...one, revokedAt: step }));
        }
      }
      if (!isEnded) assert.equal(family.filter((one) => one.usedAt === undefined).length, 1);
    }),
  );
});
