import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT_POLICY_DEFAULT, type RootPolicy, planRoots } from "../../security/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { LocalAuthority, verifyPeer } from "./mod.ts";
import { certificatesIn } from "./pem.ts";
import { folderFor } from "./testing/folder.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const trustDomain = "shop.test";

void test("what an authority issues passes every rule, for an hour", (t) => {
  const clock = new ManualClock();
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain, clock });
  const { id, certificateChain, trustBundle, privateKey, expiresAt } = authority.issue("service/orders");
  const shown = certificatesIn(certificateChain).map(({ der }) => der);
  const peer = verifyPeer(shown, { trustDomain, trustBundle, now: clock.now(), path: "service/orders" });
  assert.equal(id, "spiffe://shop.test/service/orders");
  assert.equal(peer.expiresAt, expiresAt);
  assert.equal(expiresAt, Math.floor((clock.now() + HOUR_MS) / 1_000) * 1_000);
  assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----/);
  assert.match(new X509Certificate(certificateChain).subjectAltName ?? "", /DNS:orders\.service\.shop\.test/);
  assert.ok(authority.issue("gateway", 90 * DAY_MS).expiresAt <= clock.now() + DAY_MS, "longer than a day");
  assert.throws(() => authority.issue("service/../gateway"), TypeError);
});

void test("the roots are their owner's alone, and the same at the next start", (t) => {
  const folder = join(folderFor(t), "authority");
  const clock = new ManualClock();
  const bundle = new LocalAuthority({ folder, trustDomain, clock }).trustBundle;
  assert.deepEqual(readdirSync(folder), ["root-1.pem"]);
  assert.equal(statSync(join(folder, "root-1.pem")).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(new LocalAuthority({ folder, trustDomain, clock }).trustBundle, bundle);
  assert.throws(() => new LocalAuthority({ folder, trustDomain: "bank.test", clock }), /not of "bank\.test"/);
  assert.throws(() => new LocalAuthority({ folder, trustDomain: "Bank.test", clock }), TypeError);
  writeFileSync(join(folder, "root-1.pem"), "");
  assert.throws(() => new LocalAuthority({ folder, trustDomain, clock }), /is no root/);
});

void test("two who roll at once make one root, and know it both", (t) => {
  const folder = folderFor(t);
  const clock = new ManualClock();
  const [one, other] = [0, 1].map(() => new LocalAuthority({ folder, trustDomain, clock }));
  assert.ok(one && other);
  assert.equal(one.roll(), 2);
  assert.equal(one.trustBundle, other.trustBundle);
  assert.equal(certificatesIn(other.trustBundle).length, 2);
  assert.deepEqual(readdirSync(folder).toSorted(), ["root-1.pem", "root-2.pem"]);
});

void test("a new root is trusted before it signs, and an old one until nothing of it is left", async (t) => {
  const clock = new ManualClock();
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain, clock });
  const before = authority.issue("gateway", DAY_MS);
  authority.roll();
  const shown = (pem: string): Uint8Array[] => certificatesIn(pem).map(({ der }) => der);
  const trusted = (pem: string, trustBundle: string): string =>
    verifyPeer(shown(pem), { trustDomain, trustBundle, now: clock.now() }).path;
  const early = authority.issue("gateway", DAY_MS);
  assert.equal(trusted(early.certificateChain, before.trustBundle), "gateway", "signed by the old root yet");
  await clock.advance(HOUR_MS + 1_000);
  const after = authority.issue("gateway", DAY_MS);
  assert.throws(() => trusted(after.certificateChain, before.trustBundle), "signed by the new root");
  assert.equal(trusted(before.certificateChain, after.trustBundle), "gateway");
  await clock.advance(DAY_MS + 1_000);
  assert.equal(certificatesIn(authority.trustBundle).length, 1);
  assert.equal(trusted(authority.issue("gateway").certificateChain, authority.trustBundle), "gateway");
});

void test("roots follow one another by themselves, and each leaf is trusted by whoever reads the bundle now and then", async (t) => {
  const clock = new ManualClock();
  const policy: RootPolicy = {
    ...ROOT_POLICY_DEFAULT,
    lifeMs: DAY_MS,
    renewBeforeMs: 8 * HOUR_MS,
    leafLifeMaxMs: HOUR_MS,
  };
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain, clock, policy });
  let held = authority.issue("gateway");
  for (let halfHour = 0; halfHour < 100; halfHour += 1) {
    await clock.advance(HOUR_MS / 2);
    const next = authority.issue("gateway");
    const known = { trustDomain, now: clock.now() };
    const [one, other] = [held, next].map(({ certificateChain }) =>
      certificatesIn(certificateChain).map(({ der }) => der),
    );
    assert.ok(one && other);
    verifyPeer(other, { ...known, trustBundle: held.trustBundle });
    verifyPeer(one, { ...known, trustBundle: next.trustBundle });
    held = next;
  }
});

void test("roots are planned from what there is", () => {
  const policy: RootPolicy = { lifeMs: 1_000, renewBeforeMs: 300, publishMs: 50, leafLifeMaxMs: 100 };
  const first = { generation: 1, madeAt: 0, expiresAt: 1_000 };
  const second = { generation: 2, madeAt: 700, expiresAt: 1_700 };
  const plan = (now: number, ...roots: (typeof first)[]): object => planRoots(roots, now, policy);
  assert.deepEqual(plan(0), { signer: undefined, trusted: [], makeNext: true, retire: [] });
  assert.deepEqual(plan(0, first), { signer: 1, trusted: [1], makeNext: false, retire: [] });
  assert.deepEqual(plan(701, first), { signer: 1, trusted: [1], makeNext: true, retire: [] });
  assert.deepEqual(plan(701, second, first), { signer: 1, trusted: [1, 2], makeNext: false, retire: [] });
  assert.deepEqual(plan(750, second, first), { signer: 2, trusted: [1, 2], makeNext: false, retire: [] });
  assert.deepEqual(plan(850, second, first), { signer: 2, trusted: [2], makeNext: false, retire: [1] });
  assert.deepEqual(plan(1_700, second), { signer: undefined, trusted: [], makeNext: true, retire: [2] });
});
