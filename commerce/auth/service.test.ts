import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Identity } from "@isomer/kernel/contract";
import { systemClock } from "@isomer/kernel/node";
import { keysOf, toBase64Url, verifyToken } from "@isomer/kernel/security";
import { canonicalJson } from "@isomer/kernel/std";
import { cart } from "../cart/contract.ts";
import { notifications } from "../notifications/contract.ts";
import { type TestWorld, standIn, testWorld } from "../testing/test-world.ts";
import { users } from "../users/contract.ts";
import { BadToken, type Session, TooManyAttempts, WrongCredentials, auth } from "./contract.ts";
import service from "./service.ts";

const PASSWORD = "a long sentence of mine";
const admin: Identity = { subject: "system", roles: ["admin"], guest: false };
const identity = (session: Session, sessionId?: string): Identity => ({
  subject: session.userId,
  roles: session.roles,
  guest: false,
  ...(sessionId === undefined ? {} : { session: sessionId }),
});

let world: TestWorld;
let count = 0;
let email = "";

const openShop = () =>
  testWorld({
    services: [service, standIn(users), standIn(cart, { uses: [auth] }), standIn(notifications, { uses: [auth] })],
    roles: { admin: ["auth.manage"], customer: [] },
  });

before(async () => {
  world = await openShop();
});
after(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  count += 1;
  email = `ada${count}@example.com`;
});

const register = () => world.call(auth.register({ email, password: PASSWORD }));
const login = (password = PASSWORD, key?: string) =>
  world.call(auth.login({ email, password }), key === undefined ? {} : { key });
const loginFault = (password: string) => world.fault(auth.login({ email, password }));
const claimsOf = async (token: string, shop = world) => {
  const { keys } = await shop.call(auth.jwks({}));
  const { clock, crypto } = shop.host.world;
  const verified = verifyToken(token, clock.now(), {
    crypto,
    keyOf: keysOf({ keys } as Parameters<typeof keysOf>[0]),
    issuer: "isomer-shop",
    audience: "isomer",
    typ: "at+jwt",
    lifeMaxSeconds: 30 * 86_400,
  });
  assert.ok(verified.ok, "the token verifies");
  return verified.claims;
};
const sidOf = (claims: { readonly [name: string]: unknown }): string =>
  typeof claims["sid"] === "string" ? claims["sid"] : "";
const tokenOf = async (event: typeof auth.events.emailVerificationRequested) => {
  const linkId = (await world.events(event)).filter((data) => data.email === email).at(-1)?.linkId ?? "";
  return linkOf(linkId);
};
const linkOf = async (linkId: string) =>
  // Only notifications may ask, so the test speaks as it.
  (
    (await world.host
      .runner("auth")
      .operation("linkToken")
      .handle({
        service: "auth",
        operation: "linkToken",
        input: { linkId },
        key: undefined,
        clientKey: false,
        attempt: 1,
        deadlineAt: systemClock().monotonicMs() + 5_000,
        caller: "notifications",
        identity: undefined,
        trace: undefined,
        criticality: "normal",
        signal: undefined,
      })) as { output: { token: string } }
  ).output.token;

describe("accounts", () => {
  test("a new and a taken address answer alike; the owner of a taken one is told", async () => {
    assert.deepEqual(await register(), { accepted: true });
    assert.deepEqual(await world.call(auth.register({ email: email.toUpperCase(), password: "another long one" })), {
      accepted: true,
    });
    const told = (await world.events(auth.events.registrationRepeated)).filter((data) => data.email === email);
    assert.equal(told.length, 1);
    assert.equal((await loginFault("another long one")).code, WrongCredentials.code);
    assert.ok((await login()).accessToken);
  });

  test("common passwords are refused", async () => {
    assert.equal((await world.fault(auth.register({ email, password: "Password123" }))).code, "auth/common-password");
  });

  test("passwords are kept as Argon2id of the asked strength", async () => {
    await register();
    const rows = await world.rows<{ password_hash: string }>("auth", "SELECT password_hash FROM account");
    for (const row of rows) assert.match(row.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test("the link of the mail confirms the address, once", async () => {
    await register();
    const token = await tokenOf(auth.events.emailVerificationRequested);
    await world.call(auth.verifyEmail({ token }));
    const { items } = await world.call(auth.users({ email }), { identity: admin });
    assert.equal(items[0]?.verified, true);
    assert.equal((await world.fault(auth.verifyEmail({ token }))).code, BadToken.code);
    assert.equal((await world.fault(auth.resetPassword({ token, password: PASSWORD }))).code, BadToken.code);
    assert.equal((await world.fault(auth.verifyEmail({ token: `${token.slice(0, -2)}AA` }))).code, BadToken.code);
  });

  test("a reset sets the password once, ends sessions, and expires", async () => {
    await register();
    const before = await login();
    await world.call(auth.requestPasswordReset({ email }));
    const token = await tokenOf(auth.events.passwordResetRequested);
    await world.call(auth.resetPassword({ token, password: "quite a new sentence" }));
    assert.equal((await world.fault(auth.resetPassword({ token, password: PASSWORD }))).code, BadToken.code);
    assert.equal((await loginFault(PASSWORD)).code, WrongCredentials.code);
    await login("quite a new sentence");
    assert.equal((await world.fault(auth.refresh({ refreshToken: before.refreshToken ?? "" }))).code, BadToken.code);
    await world.call(auth.requestPasswordReset({ email }));
    const late = await tokenOf(auth.events.passwordResetRequested);
    world.move(3_600_001);
    assert.equal((await world.fault(auth.resetPassword({ token: late, password: PASSWORD }))).code, BadToken.code);
  });

  test("asking for a reset of an unknown address answers alike, and sends nothing", async () => {
    assert.deepEqual(await world.call(auth.requestPasswordReset({ email })), { done: true });
    assert.ok((await world.events(auth.events.passwordResetRequested)).every((data) => data.email !== email));
  });

  test("nobody can have more than a few mails sent to somebody", async () => {
    await register();
    for (let asked = 0; asked < 10; asked += 1) await world.call(auth.requestPasswordReset({ email }));
    const sent = (await world.events(auth.events.passwordResetRequested)).filter((data) => data.email === email);
    assert.equal(sent.length, 4);
  });

  test("roles are given by who may, and an erased account is gone", async () => {
    await register();
    const session = await login();
    const { userId } = session;
    assert.equal(
      (await world.fault(auth.setRoles({ userId, roles: ["admin"] }), { identity: identity(session) })).kind,
      "denied",
    );
    await world.call(auth.setRoles({ userId, roles: ["support"] }), { identity: admin });
    assert.deepEqual((await login()).roles, ["support"]);
    await world.emit(users.events.customerErased, { userId });
    assert.equal((await loginFault(PASSWORD)).code, WrongCredentials.code);
    assert.equal((await world.fault(auth.refresh({ refreshToken: session.refreshToken ?? "" }))).code, BadToken.code);
  });

  test("an account made for staff can sign in at once; its address is taken then", async () => {
    const input = { email, password: PASSWORD, roles: ["warehouse" as const] };
    const { userId } = await world.call(auth.createUser(input), { identity: admin });
    const session = await login();
    assert.deepEqual([session.userId, session.roles], [userId, ["warehouse"]]);
    assert.equal((await world.fault(auth.createUser(input), { identity: admin })).code, "auth/address-taken");
  });
});

describe("sessions", () => {
  test("a token says who, for how long and in which session; a guest's says so", async () => {
    await register();
    const session = await login();
    const claims = await claimsOf(session.accessToken);
    assert.deepEqual([claims.sub, claims["roles"], claims["guest"]], [session.userId, ["customer"], false]);
    assert.equal(claims.exp - claims.iat, 900);
    assert.match(sidOf(claims), /^[0-9a-f-]{36}$/);
    const guest = await world.call(auth.guest({}));
    const guestClaims = await claimsOf(guest.accessToken);
    assert.deepEqual([guestClaims["guest"], guestClaims["roles"], guest.refreshToken], [true, ["guest"], undefined]);
    assert.equal(guestClaims.exp - guestClaims.iat, 30 * 86_400);
  });

  test("a repeated sign-in gives the very same tokens, and none of them is in the database", async () => {
    await register();
    const first = await login(PASSWORD, `key-${email}`);
    const again = await login(PASSWORD, `key-${email}`);
    assert.deepEqual(again, first);
    const { key } = await world.call(auth.createApiKey({ name: "ci", roles: ["support"] }), { identity: admin });
    const stored = await everything(world, "auth");
    const plain = (key: string) => {
      const { crypto } = world.host.world;
      const digest = crypto.sha256(`\n${canonicalJson({ email, password: PASSWORD })}`);
      return stored.includes(key) || stored.includes(toBase64Url(digest.subarray(0, 16)));
    };
    assert.equal(plain(`key-${email}`), false, "no fast digest of a password is stored");
    for (const secret of [first.accessToken, first.refreshToken ?? "", key, PASSWORD]) {
      assert.equal(stored.includes(secret), false, `${secret.slice(0, 8)} is not stored`);
      assert.equal(stored.includes(secret.split(".").at(-1) ?? ""), false, "nor is what makes it good");
    }
  });

  test("refreshing rotates; a used token ends the session for both who hold it, and the end stays", async () => {
    await register();
    const first = await login();
    const second = await world.call(auth.refresh({ refreshToken: first.refreshToken ?? "" }));
    assert.notEqual(second.refreshToken, first.refreshToken);
    // The thief, or the owner: nobody can tell.
    const stolen = await world.fault(auth.refresh({ refreshToken: first.refreshToken ?? "" }), {
      key: `thief-${email}`,
    });
    assert.equal(stolen.code, BadToken.code);
    const repeated = await world.fault(auth.refresh({ refreshToken: first.refreshToken ?? "" }), {
      key: `thief-${email}`,
    });
    assert.equal(repeated.code, BadToken.code);
    assert.equal((await world.fault(auth.refresh({ refreshToken: second.refreshToken ?? "" }))).code, BadToken.code);
    const revoked = (await world.events(auth.events.sessionRevoked)).filter((data) => data.userId === first.userId);
    assert.deepEqual(
      revoked.map(({ reason }) => reason),
      ["a refresh token was used twice"],
    );
    assert.ok(await login(), "signing in again still works");
  });

  test("of refreshes at once with one token, at most one gets tokens that go on", async () => {
    await register();
    const { refreshToken = "" } = await login();
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => world.call(auth.refresh({ refreshToken }))));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test("signing out ends the session, and garbage is signed out already", async () => {
    await register();
    const { refreshToken = "" } = await login();
    await world.call(auth.logout({ refreshToken }));
    assert.equal((await world.fault(auth.refresh({ refreshToken }))).code, BadToken.code);
    await world.call(auth.logout({ refreshToken: "isr_nonsense.1.nothing" }));
  });

  test("a session that lay unused for a month is over", async () => {
    await register();
    const { refreshToken = "" } = await login();
    world.move(30 * 86_400_000);
    assert.equal((await world.fault(auth.refresh({ refreshToken }))).code, BadToken.code);
  });

  test("changing the password ends the other sessions, and a wrong one counts", async () => {
    await register();
    const here = await login();
    const there = await login();
    const sid = sidOf(await claimsOf(here.accessToken));
    const me = { identity: identity(here, sid) };
    const wrong = await world.fault(auth.changePassword({ current: "not it at all", next: "brand new words" }), me);
    assert.equal(wrong.code, WrongCredentials.code);
    await world.call(auth.changePassword({ current: PASSWORD, next: "brand new words" }), me);
    const listed = await world.call(auth.sessions({}), me);
    assert.deepEqual(
      listed.items.map(({ sessionId, current }) => [sessionId, current]),
      [[sid, true]],
    );
    await world.call(auth.refresh({ refreshToken: here.refreshToken ?? "" }));
    assert.equal((await world.fault(auth.refresh({ refreshToken: there.refreshToken ?? "" }))).code, BadToken.code);
  });

  test("somebody's session cannot be ended by somebody else", async () => {
    await register();
    const mine = await login();
    const sid = sidOf(await claimsOf(mine.accessToken));
    const other: Identity = { subject: "01890000-0000-7000-8000-000000000000", roles: [], guest: false };
    await world.call(auth.revokeSession({ sessionId: sid }), { identity: other });
    await world.call(auth.refresh({ refreshToken: mine.refreshToken ?? "" }));
  });
});

describe("gateways", () => {
  const sessionOf = async (session: Session): Promise<string> => sidOf(await claimsOf(session.accessToken));
  const isRevoked = (sid: string): boolean => world.host.world.revocations?.isRevoked(`session/${sid}`) ?? false;

  test("hear of every session that ends, and of no other", async () => {
    await register();
    const [left, stolen, ended, kept] = [await login(), await login(), await login(), await login()];
    const [leftSid, stolenSid, endedSid, keptSid] = await Promise.all([left, stolen, ended, kept].map(sessionOf));
    await world.call(auth.logout({ refreshToken: left.refreshToken ?? "" }));
    assert.ok(isRevoked(leftSid ?? ""), "signed out");
    await world.call(auth.refresh({ refreshToken: stolen.refreshToken ?? "" }));
    await world.fault(auth.refresh({ refreshToken: stolen.refreshToken ?? "" }));
    assert.ok(isRevoked(stolenSid ?? ""), "a refresh token was used twice");
    await world.call(auth.revokeSession({ sessionId: endedSid ?? "" }), { identity: identity(kept, keptSid ?? "") });
    assert.ok(isRevoked(endedSid ?? ""), "ended by its user");
    const other = await login();
    const otherSid = await sessionOf(other);
    assert.ok(!isRevoked(keptSid ?? ""));
    const me = { identity: identity(kept, keptSid ?? "") };
    await world.call(auth.changePassword({ current: PASSWORD, next: "brand new words" }), me);
    assert.ok(isRevoked(otherSid), "the password was changed elsewhere");
    assert.ok(!isRevoked(keptSid ?? ""));
    await world.call(auth.revokeSessions({ userId: kept.userId }), { identity: admin });
    assert.ok(isRevoked(keptSid ?? ""), "ended by the shop");
  });

  test("are told again of what was lost, for as long as a token may be out", async () => {
    await using shop = await openShop();
    const revocations = shop.host.world.revocations ?? assert.fail();
    const told: string[] = [];
    let isDown = true;
    Object.assign(revocations, {
      revoke: async (all: readonly { id: string }[]) => {
        if (isDown) throw new Error("down");
        told.push(...all.map(({ id }) => id));
      },
    });
    await shop.call(auth.register({ email, password: PASSWORD }));
    const session = await shop.call(auth.login({ email, password: PASSWORD }));
    const sid = sidOf(await claimsOf(session.accessToken, shop));
    await shop.call(auth.logout({ refreshToken: session.refreshToken ?? "" }));
    assert.deepEqual(told, []);
    isDown = false;
    shop.move(14 * 60_000);
    await shop.host.runJob("auth", "tellRevoked");
    await shop.host.runJob("auth", "tellRevoked");
    assert.deepEqual(told, [`session/${sid}`, `session/${sid}`]);
    shop.move(2 * 60_000);
    await shop.host.runJob("auth", "tellRevoked");
    assert.equal(told.length, 2, "the last token has expired");
  });
});

/** All text in all tables of a service's database. */
async function everything(from: TestWorld, name: string): Promise<string> {
  const tables = await from.rows<{ name: string }>(name, "SELECT name FROM sqlite_master WHERE type = 'table'");
  const parts: string[] = [];
  for (const table of tables) parts.push(JSON.stringify(await from.rows(name, `SELECT * FROM ${table.name}`)));
  return parts.join("\n");
}

describe("guessing", () => {
  test("six wrong passwords make even the right one wait; the wait passes", async () => {
    await register();
    for (let tried = 0; tried < 6; tried += 1)
      assert.equal((await loginFault("wrong guess")).code, WrongCredentials.code);
    const blocked = await loginFault(PASSWORD);
    assert.equal(blocked.code, TooManyAttempts.code);
    assert.ok((blocked.data as { retryAfterMs: number }).retryAfterMs > 0);
    world.move(1_001);
    await login();
    await login("wrong guess").catch(() => undefined);
    await login();
  });

  test("an account that does not exist is throttled alike", async () => {
    for (let tried = 0; tried < 6; tried += 1)
      assert.equal((await loginFault("wrong guess")).code, WrongCredentials.code);
    assert.equal((await loginFault("wrong guess")).code, TooManyAttempts.code);
  });

  test("guesses at once do not slip under the limit", async () => {
    await register();
    const guesses = Array.from({ length: 12 }, (_, guess) => loginFault(`wrong guess ${guess}`));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    assert.equal(codes.filter((code) => code === WrongCredentials.code).length, 6);
    assert.equal(codes.filter((code) => code === TooManyAttempts.code).length, 6);
  });

  test("one address that guesses at many accounts has to wait", async () => {
    const address = "203.0.113.7";
    const guess = (number: number) =>
      world.fault(auth.login({ email: `victim${number}@example.com`, password: "Summer 2026 !!", address }));
    for (let number = 0; number < 51; number += 1) assert.equal((await guess(number)).code, WrongCredentials.code);
    assert.equal((await guess(52)).code, TooManyAttempts.code);
  });
});

describe("keys", () => {
  test("an API key works until it is revoked", async () => {
    const made = await world.call(auth.createApiKey({ name: "import", roles: ["merchandiser"] }), { identity: admin });
    const found = await world.call(auth.resolveApiKey({ key: made.key }));
    assert.deepEqual(found, { subject: `key:${made.keyId}`, roles: ["merchandiser"] });
    await world.call(auth.revokeApiKey({ keyId: made.keyId }), { identity: admin });
    for (const key of [made.key, `${made.key.slice(0, -1)}x`, "isk_nonsense-nonsense"]) {
      assert.equal((await world.fault(auth.resolveApiKey({ key }))).code, BadToken.code);
    }
  });

  test("signing keys rotate: published before they sign, and until their last token has expired", async () => {
    await using shop = await openShop();
    const day = 86_400_000;
    const kids = async () => (await shop.call(auth.jwks({}))).keys.map((key) => (key as { kid: string }).kid);
    const kidOf = ({ accessToken }: Session): string =>
      (JSON.parse(Buffer.from(accessToken.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;
    const rotate = () => shop.host.runJob("auth", "rotateKeys");
    assert.deepEqual(await kids(), []);
    const first = await shop.call(auth.guest({}));
    assert.deepEqual(await kids(), [kidOf(first)], "the first key is made at the first need");
    shop.move(89 * day + 1);
    await rotate();
    assert.equal((await kids()).length, 2, "the next key is published");
    const last = await shop.call(auth.guest({}));
    assert.equal(kidOf(last), kidOf(first), "but does not sign yet");
    shop.move(1.5 * day);
    assert.notEqual(kidOf(await shop.call(auth.guest({}))), kidOf(first));
    shop.move(28 * day);
    await rotate();
    await claimsOf(last.accessToken, shop);
    shop.move(2 * day);
    await rotate();
    assert.equal((await kids()).includes(kidOf(first)), false, "its tokens have expired");
    assert.equal(
      JSON.stringify(await shop.call(auth.jwks({}))).includes('"d"'),
      false,
      "no private member is published",
    );
  });
});
