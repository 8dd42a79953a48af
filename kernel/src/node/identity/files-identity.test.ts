import assert from "node:assert/strict";
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { FilesIdentity, LocalAuthority, localFiles, secretFiles, writeBundle, writeCredentials } from "./mod.ts";
import { folderFor } from "./testing/folder.ts";

const trustDomain = "shop.test";
const path = "service/orders";

interface Setup {
  readonly clock: ManualClock;
  readonly authority: LocalAuthority;
  readonly folder: string;
  readonly warnings: string[];
  write(): void;
  open(): FilesIdentity;
}

function setup(t: TestContext): Setup {
  const clock = new ManualClock();
  const folder = folderFor(t);
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain, clock });
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_: string, fields: object = {}) => void warnings.push(JSON.stringify(fields)) };
  const workloads = new Map([[path, localFiles(folder, path)]]);
  const open = (): FilesIdentity => new FilesIdentity({ trustDomain, workloads, clock, log });
  const write = (): void => writeCredentials(folder, path, authority.issue(path));
  return { clock, authority, folder, warnings, write, open };
}

void test("a process finds what was written for it, and is nobody else", (t) => {
  const { write, folder, open } = setup(t);
  assert.throws(open, /service-orders\.pem/);
  write();
  const identity = open();
  assert.equal(identity.credentials(path).id, "spiffe://shop.test/service/orders");
  assert.throws(() => identity.credentials("gateway"), /This process is not "gateway"/);
  assert.equal(statSync(join(folder, "service-orders.pem")).mode & 0o777, 0o600);
});

void test("whoever uses credentials hears when they were renewed, and when another root is trusted", async (t) => {
  const { write, open, clock, authority, folder } = setup(t);
  write();
  const identity = open();
  let rotations = 0;
  identity.onRotate(() => (rotations += 1));
  const before = identity.credentials(path);
  await clock.advance(20_000);
  assert.deepEqual([rotations, identity.credentials(path)], [0, before]);
  write();
  await clock.advance(20_000);
  assert.equal(rotations, 1);
  assert.notEqual(identity.credentials(path).certificateChain, before.certificateChain);
  authority.roll();
  writeBundle(folder, authority.trustBundle);
  await clock.advance(20_000);
  assert.equal(rotations, 2);
  assert.equal(identity.credentials(path).trustBundle, authority.trustBundle);
  assert.equal(identity.credentials(path).trustBundle.split("BEGIN").length, 3);
});

void test("files that are not good are not taken, with one warning, and the good ones stay in use", async (t) => {
  const { write, folder, open, clock, authority, warnings } = setup(t);
  write();
  const identity = open();
  const before = identity.credentials(path);
  const own = join(folder, "service-orders.pem");
  const bad = {
    "another's": authority.issue("service/cart"),
    "another key": { ...authority.issue(path), privateKey: authority.issue(path).privateKey },
    "no key": { ...authority.issue(path), privateKey: "" },
    nothing: { ...authority.issue(path), certificateChain: "", privateKey: "" },
    "over already": authority.issue(path, -30_000),
  };
  for (const [what, { certificateChain, privateKey }] of Object.entries(bad)) {
    writeFileSync(own, certificateChain + privateKey);
    await clock.advance(20_000);
    assert.equal(identity.credentials(path), before, what);
  }
  assert.equal(warnings.length, 5, warnings.join("\n"));
  rmSync(own);
  await clock.advance(20_000);
  assert.equal(identity.credentials(path), before);
  writeCredentials(folder, path, authority.issue(path));
  await clock.advance(20_000);
  assert.notEqual(identity.credentials(path), before);
  assert.ok(!warnings.join().includes("PRIVATE KEY"));
});

void test("a Kubernetes secret is read, also when its folder is replaced", async (t) => {
  const { authority, clock, folder } = setup(t);
  const write = (name: string): void => {
    const { certificateChain, privateKey, trustBundle } = authority.issue(path);
    const target = join(folderFor(t), name);
    writeCredentials(target, path, authority.issue(path));
    writeFileSync(join(target, "tls.crt"), certificateChain);
    writeFileSync(join(target, "tls.key"), privateKey);
    writeFileSync(join(target, "ca.crt"), trustBundle);
    symlinkSync(target, join(folder, "next"));
    renameSync(join(folder, "next"), join(folder, "data"));
  };
  write("one");
  const workloads = new Map([[path, secretFiles(join(folder, "data"))]]);
  const identity = new FilesIdentity({ trustDomain, workloads, clock, log: silentLogger });
  const before = identity.credentials(path);
  write("two");
  await clock.advance(6_000);
  assert.notEqual(identity.credentials(path).certificateChain, before.certificateChain);
  identity.close();
});
