import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { WorkloadCredentials } from "../../security/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { noEngines } from "../fleet/mod.ts";
import { InstanceFiles } from "../fleet/instance-files.ts";
import { fleetPaths } from "../fleet/fleet-file.ts";
import { LocalAuthority, localFiles, readCredentials } from "../identity/mod.ts";
import { localCredentials } from "./mod.ts";

const trustDomain = "shop.test";
const path = "service/orders";
const MINUTE_MS = 60_000;
const spec = { instance: "orders-1", services: ["orders"], build: { label: "one", entry: "host.ts" } };

interface Setup {
  readonly clock: ManualClock;
  readonly folder: string;
  /** Writes the files of a process, as its start does. */
  start(): Promise<void>;
  /** The minutes of a supervisor's day, one after another. */
  minutes(count: number, each?: () => void): Promise<void>;
  read(): WorkloadCredentials;
}

function setup(t: TestContext, lifeMs: number): Setup {
  const folder = mkdtempSync(join(tmpdir(), "isomer-credentials-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new ManualClock();
  const files = new InstanceFiles({
    ...{ folder, clock, engines: noEngines },
    credentials: localCredentials({ folder, trustDomain, clock, lifeMs }),
  });
  const said: string[] = [];
  t.after(() => assert.deepEqual(said, []));
  return {
    clock,
    folder,
    start: () => files.write("orders", { ...spec, folder }),
    async minutes(count, each) {
      for (let minute = 0; minute < count; minute += 1) {
        await clock.advance(MINUTE_MS);
        files.renew((text) => said.push(text));
        each?.();
      }
    },
    read() {
      const where = localFiles(fleetPaths.identity(folder, spec.instance), path);
      return readCredentials(where, { trustDomain, path, now: clock.now() });
    },
  };
}

void test("credentials are renewed at half their life", async (t) => {
  const { start, minutes, read, clock } = setup(t, 60 * MINUTE_MS);
  await start();
  const seen = new Set<string>();
  await minutes(5 * 60 + 1, () => {
    const { certificateChain, expiresAt } = read();
    seen.add(certificateChain);
    assert.ok(expiresAt - clock.now() >= 29 * MINUTE_MS, `only ${expiresAt - clock.now()} ms left`);
  });
  assert.equal(seen.size, 11);
});

void test("a new root is trusted everywhere before it signs, however long certificates live", async (t) => {
  const { start, minutes, read, folder, clock } = setup(t, 24 * 60 * MINUTE_MS);
  await start();
  const authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain, clock });
  authority.roll();
  await minutes(59);
  assert.equal(read().trustBundle, authority.trustBundle);
  assert.equal(read().trustBundle.split("BEGIN").length, 3);
});
