import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import type { PublicKeyJwk } from "./crypto.ts";
import { signToken } from "./jwt.ts";
import { makeKey } from "./keys.ts";
import { TokenVerifier } from "./token-verifier.ts";

const crypto = nodeCrypto();

function setUp(rememberedMax = 8) {
  const clock = new ManualClock();
  const { kid, privateKey } = makeKey(crypto, 0);
  const keys = new Map<string, PublicKeyJwk>([[kid, { kty: "OKP", crv: "Ed25519", x: privateKey.x }]]);
  let checks = 0;
  const counting = {
    ...crypto,
    ed25519: {
      ...crypto.ed25519,
      verify(...given: Parameters<typeof crypto.ed25519.verify>) {
        checks += 1;
        return crypto.ed25519.verify(...given);
      },
    },
  };
  const rules = { issuer: "iss", audience: "aud", typ: "at+jwt", rememberedMax };
  const verifier = new TokenVerifier({ crypto: counting, clock, keyOf: (id) => keys.get(id), ...rules });
  const iat = Math.floor(clock.now() / 1_000);
  const token = (jti: string): string =>
    signToken({
      crypto,
      key: { kid, privateKey },
      typ: "at+jwt",
      claims: { iss: "iss", aud: "aud", sub: "u1", jti, iat, exp: iat + 900, roles: ["admin"] },
    });
  return { clock, keys, kid, verifier, token, checks: () => checks };
}

void test("a good token's signature is checked once, a bad one's each time", () => {
  const { verifier, token, checks } = setUp();
  const good = token("a");
  for (let round = 0; round < 3; round += 1) assert.equal(verifier.verify(good).ok, true);
  assert.equal(checks(), 1);
  const bad = `${good.slice(0, -4)}AAAA`;
  for (let round = 0; round < 3; round += 1) assert.equal(verifier.verify(bad).ok, false);
  assert.equal(checks(), 4);
  assert.equal(verifier.remembered, 1);
});

void test("a remembered token still expires, and is refused when its key is withdrawn or replaced", async () => {
  const { clock, keys, kid, verifier, token } = setUp();
  const good = token("a");
  assert.equal(verifier.verify(good).ok, true);
  const key = keys.get(kid) ?? assert.fail();
  keys.delete(kid);
  assert.deepEqual(verifier.verify(good), { ok: false, reason: "unknown-key" });
  keys.set(kid, { ...key, x: makeKey(crypto, 0).privateKey.x });
  assert.deepEqual(verifier.verify(good), { ok: false, reason: "signature" });
  keys.set(kid, { ...key });
  assert.equal(verifier.verify(good).ok, true);
  await clock.advance(960_000);
  assert.deepEqual(verifier.verify(good), { ok: false, reason: "expired" });
});

void test("the memory is bounded, and keeps what is used", () => {
  const { verifier, token, checks } = setUp(8);
  const used = token("used");
  for (let number = 0; number < 100; number += 1) {
    verifier.verify(token(`t${number}`));
    assert.equal(verifier.verify(used).ok, true);
    assert.ok(verifier.remembered <= 8);
  }
  assert.equal(checks(), 101);
});

void test("the claims, shared between requests, cannot be changed", () => {
  const { verifier, token } = setUp();
  const verification = verifier.verify(token("a"));
  assert.ok(verification.ok);
  assert.throws(() => Object.assign(verification.claims, { sub: "u2" }), TypeError);
  assert.throws(() => (verification.claims["roles"] as string[]).push("owner"), TypeError);
});
