import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { calculateJwkThumbprint } from "jose";
import { nodeCrypto } from "../node/crypto.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { KeyRing, keysOf, readKeySet } from "./key-ring.ts";
import { type KeyRecord, type RotationPlan, currentKey, makeKey, planRotation, publicKeys } from "./keys.ts";

const crypto = nodeCrypto();
const policy = { everyMs: 1_000_000, publishAheadMs: 100_000, tokenLifeMs: 50_000 };

function apply(records: readonly KeyRecord[], { add, remove }: RotationPlan): KeyRecord[] {
  return [...records, ...add].filter((record) => !remove.includes(record.kid));
}

void test("ids are RFC 7638 thumbprints", async () => {
  const { kid, privateKey } = makeKey(crypto, 0);
  assert.equal(kid, await calculateJwkThumbprint(privateKey, "sha256"));
});

void test("at every moment some key signs, was published before, and verifies until its tokens are over", () => {
  const steps = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(steps, (pauses) => {
      let now = 1;
      let records = apply([], planRotation([], now, policy, crypto));
      const first = records[0]?.kid;
      const publishedAt = new Map(records.map((record) => [record.kid, 0]));
      const signedAt = new Map<string, number>();
      for (const pause of pauses) {
        now += pause;
        records = apply(records, planRotation(records, now, policy, crypto));
        const published = publicKeys(records, now, policy).keys.map((key) => key.kid);
        for (const kid of published) if (!publishedAt.has(kid)) publishedAt.set(kid, now);
        const current = currentKey(records, now) ?? assert.fail("no key signs");
        assert.ok(published.includes(current.kid));
        const known = now - (publishedAt.get(current.kid) ?? now);
        assert.ok(current.kid === first || known >= policy.publishAheadMs);
        signedAt.set(current.kid, now);
        for (const [kid, at] of signedAt) if (now < at + policy.tokenLifeMs) assert.ok(published.includes(kid));
        assert.ok(records.length <= 3);
      }
    }),
    { numRuns: 30 },
  );
});

void test("a key whose record was deleted is replaced at once", () => {
  const leaked = makeKey(crypto, 0);
  const next = makeKey(crypto, 1_000_000);
  assert.deepEqual(planRotation([leaked, next], 930_000, policy, crypto), { add: [], remove: [] });
  const plan = planRotation([next], 930_000, policy, crypto);
  assert.deepEqual(
    plan.add.map((key) => key.activeFrom),
    [930_000],
  );
});

void test("a clock that was set back by less than the skew makes no new key: no verifier would know it", () => {
  const first = makeKey(crypto, 1_000_000);
  assert.equal(currentKey([first], 945_000), first);
  assert.deepEqual(planRotation([first], 945_000, policy, crypto), { add: [], remove: [] });
  assert.equal(planRotation([first], 930_000, policy, crypto).add.length, 1);
});

void test("the published set holds public members only, and reads back", () => {
  const set = publicKeys([makeKey(crypto, 0), makeKey(crypto, 1)], 2, policy);
  for (const key of set.keys) {
    assert.deepEqual(Object.keys(key).toSorted(), ["alg", "crv", "kid", "kty", "use", "x"]);
  }
  const read = readKeySet(JSON.parse(JSON.stringify(set))) ?? assert.fail();
  assert.deepEqual(read, set);
  assert.equal(keysOf(read)(set.keys[0]?.kid ?? "")?.x, set.keys[0]?.x);
});

void test("a foreign set with a private key is refused whole; keys of other kinds are passed over", () => {
  const { kid, privateKey } = makeKey(crypto, 0);
  const { d: _, ...key } = privateKey;
  assert.equal(readKeySet({ keys: [{ ...privateKey, kid }] }), undefined);
  assert.equal(readKeySet({ keys: "x" }), undefined);
  assert.equal(readKeySet([]), undefined);
  const others = [{ ...key, kid, use: "enc" }, { ...key, kid, alg: "HS256" }, { kty: "RSA", n: "x", kid }, { ...key }];
  others.push({ ...key, kid, x: "AA" } as never);
  assert.deepEqual(readKeySet({ keys: others as never }), { keys: [] });
  const twins =
    readKeySet({
      keys: [
        { ...key, kid },
        { ...key, kid },
      ],
    }) ?? assert.fail();
  assert.equal(keysOf(twins)(kid), undefined);
});

void test("a ring keeps its keys in the store, and two hosts agree on the one that signs", async () => {
  const clock = new ManualClock();
  let rows: readonly KeyRecord[] = [];
  const store = (plan: RotationPlan): Promise<readonly KeyRecord[]> => {
    rows = apply(rows, plan);
    return Promise.resolve(rows);
  };
  const a = new KeyRing({ crypto, clock, policy, store });
  const b = new KeyRing({ crypto, clock, policy, store });
  assert.throws(() => a.current(), TypeError);
  await Promise.all([a.rotate(), b.rotate()]);
  await Promise.all([a.rotate(), b.rotate()]);
  assert.equal(a.current().kid, b.current().kid);
  assert.equal(b.keyOf(a.current().kid)?.x, a.current().privateKey.x);
  assert.equal(b.keyOf("another"), undefined);
  const before = a.current().kid;
  for (let hour = 0; hour < 12; hour += 1) {
    await clock.advance(90_000);
    await a.rotate();
  }
  assert.notEqual(a.current().kid, before);
});
