/** The judges of credentials, over an auth that a test lets fail. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nodeCrypto } from "@isomer/kernel/node";
import type { Host } from "@isomer/kernel/runtime";
import { makeKey, signToken } from "@isomer/kernel/security";
import { fault } from "@isomer/kernel/contract";
import { MemoryRevocations } from "@isomer/kernel/guard";
import { t } from "@isomer/kernel/schema";
import { silentLogger } from "@isomer/kernel/std";
import { ManualClock } from "../../kernel/src/std/testing/manual-clock.ts";
import { judgesOf } from "./judges.ts";
import { TOKENS } from "./settings.ts";

const Down = fault("auth/down", { kind: "unavailable", data: t.object({}), message: () => "Down." });
const NoKey = fault("auth/no-key", { kind: "denied", data: t.object({}), message: () => "No such key." });
const MINUTE_MS = 60_000;

function setUp() {
  const clock = new ManualClock();
  const crypto = nodeCrypto();
  const revocations = new MemoryRevocations(clock);
  const auth = { isDown: false, asked: [] as string[], keys: [makeKey(crypto, 0)] };
  const answers = {
    jwks: () => ({
      keys: auth.keys.map(({ kid, privateKey }) => ({ kid, kty: "OKP", crv: "Ed25519", x: privateKey.x })),
    }),
    resolveApiKey: ({ key }: { key: string }) => {
      if (key !== "good") throw NoKey.with({});
      return { subject: "robot", roles: ["admin"] };
    },
  };
  const host = {
    world: { clock, crypto, log: silentLogger, revocations },
    invoke: ({ operation, input }: { operation: keyof typeof answers; input: never }) => {
      auth.asked.push(operation);
      return auth.isDown ? Promise.reject(Down.with({})) : Promise.resolve({ output: answers[operation](input) });
    },
  };
  const token = (key = auth.keys[0], lifeSeconds = 86_400, more = {}) => {
    const iat = Math.floor(clock.now() / 1_000);
    const { issuer: iss, audience: aud } = TOKENS;
    const claims = {
      iss,
      aud,
      sub: "ada",
      jti: "1",
      iat,
      exp: iat + lifeSeconds,
      roles: ["customer"],
      guest: false,
      ...more,
    };
    return signToken({ crypto, key: key ?? assert.fail(), typ: "at+jwt", claims });
  };
  return { clock, crypto, revocations, auth, token, ...judgesOf(host as unknown as Host) };
}

describe("tokens", () => {
  test("are judged by keys that are asked for once, however many want to know", async () => {
    const { auth, token, authenticate } = setUp();
    const mine = token();
    const identities = await Promise.all([1, 2, 3].map(() => authenticate(mine)));
    assert.deepEqual(identities[2], { subject: "ada", roles: ["customer"], guest: false });
    assert.equal(auth.asked.length, 1);
    assert.ok(!((await authenticate(`${mine.slice(0, -4)}AAAA`)) ?? false));
  });

  test("go on being judged while auth is down, for a while", async () => {
    const { clock, auth, token, authenticate } = setUp();
    const mine = token();
    await authenticate(mine);
    auth.isDown = true;
    await clock.advance(MINUTE_MS);
    assert.equal((await authenticate(mine))?.subject, "ada");
    await clock.advance(0);
    assert.equal((await authenticate(mine))?.subject, "ada");
    assert.equal(auth.asked.length, 2, "auth is not asked again at once");
    await clock.advance(10 * MINUTE_MS);
    await assert.rejects(async () => authenticate(mine), Down.is);
    auth.isDown = false;
    assert.equal((await authenticate(mine))?.subject, "ada");
  });

  test("of a new key are good at once, of a withdrawn key no longer", async () => {
    const { clock, crypto, auth, token, authenticate } = setUp();
    const old = token();
    await authenticate(old);
    await clock.advance(2_000);
    auth.keys.push(makeKey(crypto, 1));
    assert.equal((await authenticate(token(auth.keys[1])))?.subject, "ada");
    auth.keys.shift();
    await clock.advance(MINUTE_MS);
    await authenticate(token());
    await clock.advance(0);
    assert.equal(await authenticate(old), undefined);
  });

  test("of a session that ended are refused at once, though their signature is good", async () => {
    const { clock, revocations, token, authenticate } = setUp();
    const [one, two] = [
      token(undefined, 900, { sid: "s1", jti: "t1" }),
      token(undefined, 900, { sid: "s2", jti: "t2" }),
    ];
    assert.equal((await authenticate(one))?.session, "s1");
    await revocations.revoke([{ id: "session/s1", untilMs: clock.now() + 900_000 }]);
    assert.equal(await authenticate(one), undefined);
    assert.equal((await authenticate(two))?.session, "s2");
    await revocations.revoke([{ id: "token/t2", untilMs: clock.now() + 900_000 }]);
    assert.equal(await authenticate(two), undefined);
  });

  test("of a key that was made a moment after the keys were asked for are good at once", async () => {
    const { crypto, auth, token, authenticate } = setUp();
    await authenticate(token());
    auth.keys.push(makeKey(crypto, 1));
    assert.equal((await authenticate(token(auth.keys[1])))?.subject, "ada");
  });

  test("of a new key are good at once for everybody who comes with one at the same moment", async () => {
    const { crypto, auth, token, authenticate } = setUp();
    await authenticate(token());
    auth.keys.push(makeKey(crypto, 1));
    const mine = token(auth.keys[1]);
    const judged = await Promise.all(Array.from({ length: 40 }, () => authenticate(mine)));
    assert.ok(judged.every((identity) => identity?.subject === "ada"));
    assert.ok(auth.asked.length <= 3, `auth was asked ${auth.asked.length} times`);
  });

  test("that are forged or expired do not make auth busy", async () => {
    const { clock, crypto, auth, token, authenticate } = setUp();
    const short = token(undefined, 5);
    await authenticate(short);
    await clock.advance(5 * MINUTE_MS);
    assert.equal(await authenticate(short), undefined);
    assert.equal(auth.asked.length, 1);
    const forged = token(makeKey(crypto, 7));
    for (let n = 0; n < 100; n += 1) assert.equal(await authenticate(forged), undefined);
    assert.equal(auth.asked.length, 11);
    await clock.advance(2_000);
    await Promise.all(Array.from({ length: 100 }, () => authenticate(forged)));
    assert.ok(auth.asked.length <= 21, "nor do those that come at once");
  });
});

describe("API keys", () => {
  test("are asked for once in a while; that auth cannot be asked is no answer", async () => {
    const { clock, auth, apiKey } = setUp();
    assert.equal((await apiKey("good"))?.subject, "robot");
    for (let n = 0; n < 3; n += 1) assert.equal(await apiKey("bad"), undefined);
    await apiKey("good");
    assert.equal(auth.asked.length, 2);
    auth.isDown = true;
    await clock.advance(MINUTE_MS);
    await assert.rejects(async () => apiKey("good"), Down.is);
    auth.isDown = false;
    assert.equal((await apiKey("good"))?.subject, "robot");
  });
});
