/** Services in other languages under the supervisor: real processes that know nothing of it but their environment. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { contract, query, services, snapshotOf } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { NotOperated } from "../../runtime/mod.ts";
import { systemClock } from "../clock.ts";
import { localCredentials } from "../local-fleet/mod.ts";
import { readAddresses } from "./addresses.ts";
import { PlacementInvalid } from "./faults.ts";
import { fleetPaths } from "./fleet-file.ts";
import type { ProgramSpec } from "./program.ts";
import { type FakeFleet, type FakeFleetOptions, fakeFleet, fleetFolder, readyOf, until } from "./testing/fleet.ts";

const giftwrap = contract("giftwrap", {
  version: "1.0.0",
  queries: { quote: query({ input: t.object({}), output: t.integer(), allow: [services("orders")] }) },
});

const programOf = (environment: Readonly<Record<string, string>> = {}): ProgramSpec => ({
  command: [process.execPath, fileURLToPath(new URL("testing/program-main.ts", import.meta.url))],
  folder: fileURLToPath(new URL(".", import.meta.url)),
  environment: { WRAPS: "gold", ...environment },
  protocol: "http",
  contract: snapshotOf(giftwrap, { uses: ["orders"], hears: [] }),
});

async function open(
  context: TestContext,
  { lifeMs = 3_600_000, ...more }: FakeFleetOptions & { lifeMs?: number } = {},
): Promise<FakeFleet> {
  const folder = fleetFolder(context);
  const credentials = localCredentials({ folder, trustDomain: "fleet.test", clock: systemClock(), lifeMs });
  const programs = { giftwrap: programOf() };
  return fakeFleet(context, { folder, services: ["orders", "giftwrap"], credentials, programs, ...more });
}

const rowOf = ({ supervisor }: FakeFleet, instance: string) =>
  supervisor.snapshot().rows.find((row) => row.instance === instance);
const pidOf = (fleet: FakeFleet): number => rowOf(fleet, "giftwrap-1")?.pid ?? assert.fail("it has no process");

test("a program is told all it needs to know, is shown and found, and ends when it is told", async (context) => {
  const fleet = await open(context, { lifeMs: 4_000 });
  const { folder, supervisor } = fleet;
  await supervisor.start();
  const row = rowOf(fleet, "giftwrap-1");
  const { http } = readAddresses(folder)?.services["giftwrap"]?.[0] ?? {};
  const log = readFileSync(fleetPaths.log(folder, "giftwrap-1"), "utf8");
  const { told } = JSON.parse(log) as { told: Readonly<Record<string, string>> };
  assert.equal(row?.state, "ready");
  assert.equal(`https://${row?.address}`, http);
  assert.match(row?.program ?? "", /program-main\.ts$/);
  assert.ok((row?.rssBytes ?? 0) > 0 && row?.callsPerSecond === undefined);
  assert.deepEqual(told, {
    WRAPS: "gold",
    ISOMER_SERVICE: "giftwrap",
    ISOMER_INSTANCE: "giftwrap-1",
    ISOMER_TRUST_DOMAIN: "fleet.test",
    ISOMER_IDENTITY: fleetPaths.identity(folder, "giftwrap-1"),
    ISOMER_CONTRACT: fleetPaths.contract(folder, "giftwrap-1"),
    ISOMER_ADDRESSES: fleetPaths.addresses(folder),
    ISOMER_DATA: fleetPaths.data(folder, "giftwrap"),
    ISOMER_HOST: "127.0.0.1",
    ISOMER_PORT: http?.split(":").at(-1),
  });
  const given = JSON.parse(readFileSync(fleetPaths.contract(folder, "giftwrap-1"), "utf8")) as object;
  assert.deepEqual(given, snapshotOf(giftwrap, { uses: ["orders"], hears: [] }));
  const file = `${fleetPaths.identity(folder, "giftwrap-1")}/service-giftwrap.pem`;
  const certificate = readFileSync(file, "utf8");
  await until("its certificates are renewed", () => readFileSync(file, "utf8") !== certificate);
  await supervisor.stop();
  assert.ok(fleet.diary().some((line) => line.startsWith("ends giftwrap-1")));
});

test("operators' questions go to processes of the kernel, and no program keeps them waiting", async (context) => {
  const { supervisor } = await open(context);
  await supervisor.start();
  const { asking } = supervisor;
  assert.deepEqual(await asking.ask({ do: "ask", operation: "deadLetters", input: {} }), {
    items: [{ service: "orders", consumer: "c", source: "s", type: "t", key: "k", eventId: "e-orders" }],
  });
  const retry = asking.ask({ do: "ask", operation: "retrySaga", service: "giftwrap", input: {} });
  await assert.rejects(retry, NotOperated.is);
});

test("a program that dies is started again elsewhere, and everybody is told where", async (context) => {
  const fleet = await open(context);
  await fleet.supervisor.start();
  const before = readAddresses(fleet.folder)?.services["giftwrap"]?.[0];
  process.kill(pidOf(fleet), "SIGKILL");
  await until("it is not listed", () => (readAddresses(fleet.folder)?.services["giftwrap"] ?? []).length === 0);
  await until("it is ready again", () => rowOf(fleet, "giftwrap-1")?.state === "ready");
  const [after] = readAddresses(fleet.folder)?.services["giftwrap"] ?? [];
  assert.ok(after !== undefined && after.startedAt !== before?.startedAt);
  assert.equal(rowOf(fleet, "giftwrap-1")?.restarts, 1);
});

test("a program that is stopped, and so answers nobody, is killed and started again", async (context) => {
  const fleet = await open(context, { limits: { silentMs: 4_000 } });
  await fleet.supervisor.start();
  const pid = pidOf(fleet);
  process.kill(pid, "SIGSTOP");
  await until("another process is ready", () => {
    const row = rowOf(fleet, "giftwrap-1");
    return row?.state === "ready" && row.pid !== pid;
  });
  assert.match(fleet.said.join("\n"), /giftwrap-1 has been silent for \d+ s and is killed/);
});

test("a program shares no process, and is replaced without a moment in which none is listed", async (context) => {
  const fleet = await open(context);
  await fleet.supervisor.start();
  for (const [service, group] of [
    ["giftwrap", "orders"],
    ["orders", "giftwrap"],
  ] as const)
    await assert.rejects(fleet.supervisor.changes.place(service, group), PlacementInvalid.is);
  const pid = pidOf(fleet);
  const listed: number[] = [];
  let hadNotice = false;
  const look = setInterval(() => {
    const names = readAddresses(fleet.folder)?.services["giftwrap"]?.map(({ instance }) => instance) ?? [];
    const hasEnded = fleet.diary().includes(`ends giftwrap-1 ${pid}`);
    listed.push(names.length);
    if (!names.includes("giftwrap-1") && !hasEnded) hadNotice = true;
  }, 20);
  await fleet.supervisor.changes.restart("giftwrap");
  clearInterval(look);
  assert.ok(Math.min(...listed) >= 1);
  assert.ok(hadNotice, "others had time to learn that it takes no further calls");
  assert.deepEqual(readyOf(fleet, "giftwrap"), ["giftwrap-2"]);
  assert.ok(fleet.diary().includes(`ends giftwrap-1 ${pid}`));
});

test("a program that cannot start is a crash loop, and its log or the supervisor says why", async (context) => {
  const wrong = { ...programOf(), command: ["no-such-program"] as const };
  const programs = { giftwrap: programOf({ FAKE_PROGRAM: "crash" }), tracking: wrong };
  const restart = { firstMs: 10, capMs: 50, steadyMs: 30_000, loopFrom: 5 };
  const fleet = await open(context, { services: ["orders", "giftwrap", "tracking"], programs, limits: { restart } });
  await fleet.supervisor.start();
  await until("both are crash loops", () =>
    ["giftwrap-1", "tracking-1"].every((name) => fleet.said.some((line) => line.startsWith(name) && /loop/.test(line))),
  );
  assert.match(readFileSync(fleetPaths.log(fleet.folder, "giftwrap-1"), "utf8"), /crashed as told/);
  assert.match(fleet.said.join("\n"), /tracking-1 could not be started \(spawn no-such-program ENOENT\)/);
  assert.deepEqual(readyOf(fleet, "orders"), ["orders-1"]);
});
