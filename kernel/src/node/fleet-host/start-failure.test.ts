/** What becomes of a process of a fleet that cannot start. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { hasNats, startNats } from "../engines/mod.ts";
import { LocalAuthority, writeCredentials } from "../identity/mod.ts";

const SKIP = hasNats() ? false : "nats-server is not installed (Debian: nats-server)";
const ENTRY = fileURLToPath(new URL("testing/unstartable-main.ts", import.meta.url));
const WAIT_MS = 20_000;

void test("it says why and ends, instead of being waited for", { skip: SKIP }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-start-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const nats = await startNats({ folder: join(folder, "nats") });
  t.after(() => nats.stop("SIGKILL"));
  const [trustDomain, identityFolder] = ["inn.test", join(folder, "own")];
  const authority = new LocalAuthority({ folder: join(folder, "authority"), trustDomain, clock: systemClock() });
  writeCredentials(identityFolder, "service/inn", authority.issue("service/inn"));
  const fleet = {
    ...{ version: 1, system: "Inn", trustDomain, zone: "a", gateways: [] },
    engines: { nats: { servers: [`127.0.0.1:${nats.port}`] } },
  };
  const instance = {
    ...{ version: 1, instance: "inn-1", group: "inn", services: ["inn"], label: "1", identityFolder },
    ...{ dataFolder: join(folder, "data"), credentials: {} },
  };
  for (const name of ["instances", "data"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "fleet.json"), JSON.stringify(fleet));
  writeFileSync(join(folder, "instances", "inn-1.json"), JSON.stringify(instance));
  const words = ["run", "--services", "inn", "--instance", "inn-1", "--fleet", folder];
  const said = await ended(fork(ENTRY, words, { silent: true }));
  assert.match(said, /The settings of inn do not fit: .*house/);
  assert.match(said, /"settings\\" of defineFleet, in or below .*unstartable-main\.ts/, "it says what gives them");
});

void test("a gateway whose system does not load ends, too", async () => {
  cluster.setupPrimary({ exec: ENTRY, args: ["run", "--gateway"], silent: true });
  const { process: child } = cluster.fork({ UNLOADABLE: "1" });
  assert.match(await ended(child), /the system does not load/);
});

/** What a process says until it ends by itself, as one that failed. */
async function ended(child: ChildProcess): Promise<string> {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part: Buffer) => (said += part.toString()));
  const overdue = setTimeout(() => child.kill("SIGKILL"), WAIT_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(overdue);
  assert.equal(code, 1, `it did not end by itself; it said: ${said}`);
  return said;
}
