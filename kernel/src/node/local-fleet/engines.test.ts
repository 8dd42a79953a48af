/** The folder of a local fleet's servers: who must get there, and what is said when they cannot. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { defineSystem } from "../../runtime/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { findPostgres, findProgram, hasNats } from "../engines/mod.ts";
import { FolderClosed } from "../fleet/mod.ts";
import { systemRandom } from "../random.ts";
import { localEngines } from "./mod.ts";

const home = mkdtempSync(join(tmpdir(), "isomer-engines-"));
after(() => rmSync(home, { recursive: true, force: true }));
const missing = findPostgres() === undefined || !hasNats() || findProgram("redis-server") === undefined;
const skip = missing
  ? "servers are not installed: apt-get install postgresql nats-server redis-server"
  : process.getuid?.() === 0
    ? false
    : "only as root does PostgreSQL run as somebody else";

const enginesIn = (folder: string) =>
  localEngines({
    ...{ folder, system: defineSystem({ name: "Empty", services: [], roles: {} }) },
    ...{ clock: systemClock(), random: systemRandom(), log: silentLogger },
  });

describe("as root, the servers' folder", { skip }, () => {
  test("is refused where the user postgres cannot get to it, before anything is made", async () => {
    await assert.rejects(
      enginesIn(join(home, "fleet")),
      (error) => FolderClosed.is(error) && error.data.folder === home,
    );
    assert.deepEqual(readdirSync(home), []);
  });

  test("lets others pass where it can be got to, and lets nobody look around", async () => {
    chmodSync(home, 0o711);
    await enginesIn(join(home, "some/where/fleet"));
    for (const path of ["some", "some/where", "some/where/fleet", "some/where/fleet/engines"])
      assert.equal(statSync(join(home, path)).mode & 0o777, 0o711, path);
  });
});
