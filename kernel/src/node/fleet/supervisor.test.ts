/** The supervisor with real processes that do nothing but what a supervisor sees of them. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "../../std/mod.ts";
import { FolderInUse } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import { freePorts } from "../engines/mod.ts";
import type { CredentialsWriter } from "./engine.ts";
import { ChangeUnderWay, NotReady, PortTaken, ServerFailed } from "./faults.ts";
import { fleetPaths, readInstanceFile } from "./fleet-file.ts";
import { endLeftovers } from "./leftovers.ts";
import { RESTART_LIMITS } from "./restart-policy.ts";
import { diaryOf, fakeEngines, fakeFleet, fleetFolder, readyOf, until } from "./testing/fleet.ts";

const quick = { ...RESTART_LIMITS, firstMs: 10, capMs: 50 };

/** One request on a connection of its own; rejects when it is refused or broken. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString()));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}

function pidOf(fleet: Awaited<ReturnType<typeof fakeFleet>>, instance: string): number {
  const row = fleet.supervisor.snapshot().rows.find((each) => each.instance === instance);
  return row?.pid ?? assert.fail(`${instance} has no process`);
}

test("a fleet starts servers, services, then gateways, and stops them in the opposite order", async (context) => {
  const folder = fleetFolder(context);
  const engines = fakeEngines((text) => appendFileSync(`${folder}/diary.txt`, `${text}\n`));
  const fleet = await fakeFleet(context, { folder, engines, gateways: 2 });
  await fleet.supervisor.start();
  assert.deepEqual(readyOf(fleet, "gateway"), ["gateway-1", "gateway-2"]);
  assert.match(await ask(fleet.port + 1), /^v1 /);
  await fleet.supervisor.stop();
  const order = fleet.diary().map((line) => line.replace(/-\d.*/, ""));
  const position = (line: string): number => order.lastIndexOf(line);
  assert.equal(order[0], "engine starts");
  assert.ok(
    order.indexOf("ready gateway") > position("ready orders") &&
      order.indexOf("ready gateway") > position("ready cart"),
  );
  assert.ok(
    position("ends gateway") < order.indexOf("drains orders") &&
      position("ends gateway") < order.indexOf("drains cart"),
  );
  assert.equal(order.at(-1), "engine stops");
  assert.deepEqual(
    fleet.supervisor.snapshot().rows.map(({ state }) => state),
    ["down"],
  );
  assert.ok(!existsSync(fleetPaths.instance(folder, "orders-1")), "what a process was told is taken away");
});

test("a fleet does not start beside a stranger who has a port of its gateways, and leaves nothing behind", async (context) => {
  const folder = fleetFolder(context);
  const engines = fakeEngines((text) => appendFileSync(`${folder}/diary.txt`, `${text}\n`));
  const fleet = await fakeFleet(context, { folder, engines, gateways: 2 });
  const stranger = createServer().listen(fleet.port + 1, "127.0.0.1");
  context.after(() => stranger.close());
  await once(stranger, "listening");
  await assert.rejects(fleet.supervisor.start(), (error) => PortTaken.is(error) && error.data.port === fleet.port + 1);
  await fleet.supervisor.stopped;
  assert.deepEqual(fleet.diary(), [], "nothing was started");
});

test("a server that does not start is told of as what it is, with what it says", async (context) => {
  const engines = fakeEngines(() => assert.fail("disk full"));
  const fleet = await fakeFleet(context, { engines });
  await assert.rejects(
    fleet.supervisor.start(),
    (error) => ServerFailed.is(error) && error.message.startsWith("postgres did not start: disk full"),
  );
});

test("a process that dies is started again, as the same instance, without a moment's wait the first time", async (context) => {
  const fleet = await fakeFleet(context);
  await fleet.supervisor.start();
  for (let n = 1; n <= 2; n += 1) {
    const pid = pidOf(fleet, "orders-1");
    process.kill(pid, "SIGKILL");
    await until("another process is ready", () => {
      const row = fleet.supervisor.snapshot().rows.find(({ instance }) => instance === "orders-1");
      return row?.state === "ready" && row.pid !== pid && row.restarts === n;
    });
  }
  assert.match(fleet.said.join("\n"), /orders-1 was ended by SIGKILL; starts again\n/);
});

test("a process that cannot start is shown as a crash loop, and the rest of the fleet runs", async (context) => {
  const fleet = await fakeFleet(context, { wrong: { orders: "crash" }, limits: { restart: quick } });
  await fleet.supervisor.start();
  assert.deepEqual(readyOf(fleet, "cart"), ["cart-1"]);
  await until("it is called a crash loop", () =>
    fleet.said.some((line) => /loop: 5 times.*isomer logs orders-1/.test(line)),
  );
  assert.match(readFileSync(fleetPaths.log(fleet.folder, "orders-1"), "utf8"), /crashed as told/);
});

test("a process that hangs at its start is killed, and started again", async (context) => {
  const fleet = await fakeFleet(context, { wrong: { orders: "hang" }, limits: { startMs: 1_500 } });
  await fleet.supervisor.start();
  assert.match(fleet.said.join("\n"), /orders-1 was not ready within 1.5 s and is killed/);
  assert.match(fleet.said.join("\n"), /orders-1 was ended by SIGKILL/);
});

test("a fleet goes on when its folder cannot be written, and says once that it could not, and when it can again", async (context) => {
  const fleet = await fakeFleet(context, { limits: { restart: quick } });
  await fleet.supervisor.start();
  const [pids, log] = [fleetPaths.pids(fleet.folder), fleetPaths.log(fleet.folder, "orders-1")];
  // What fails as a full disk does: these files cannot be made.
  for (const path of [pids, log]) {
    rmSync(path);
    mkdirSync(`${path}/in-the-way`, { recursive: true });
  }
  process.kill(pidOf(fleet, "orders-1"), "SIGKILL");
  await until("a start has failed", () => fleet.said.some((line) => /orders-1 could not be started/.test(line)));
  for (const path of [pids, log]) rmSync(path, { recursive: true });
  await until("orders is back", () => readyOf(fleet, "orders").length === 1);
  assert.deepEqual(readyOf(fleet, "cart"), ["cart-1"]);
  const said = fleet.said.filter((line) => line.includes("process ids could not be kept"));
  assert.equal(said.length, 2, fleet.said.join("\n"));
  assert.match(said[1] ?? "", /^no longer: /);
});

test("a supervisor that was stopped for a while does not take the silence for its processes' own", async (context) => {
  const clock = new SkippingClock();
  const fleet = await fakeFleet(context, { clock, limits: { silentMs: 10_000 } });
  await fleet.supervisor.start();
  clock.skip(3_600_000);
  await until("it has looked again", () => clock.looks >= 2);
  assert.doesNotMatch(fleet.said.join("\n"), /silent/);
  process.kill(pidOf(fleet, "orders-1"), "SIGSTOP");
  await until("it was heard no more", () => {
    // As many seconds a second as do not look like an absence.
    clock.skip(clock.looks > 0 ? 1_000 : 0);
    return fleet.said.some((line) => /orders-1 has been silent for \d+ s and is killed/.test(line));
  });
  assert.deepEqual(readyOf(fleet, "cart"), ["cart-1"]);
});

test("a process that does not listen is killed after its time to drain and to stop", async (context) => {
  const limits = { drainMs: 100, stopMs: 100 };
  const fleet = await fakeFleet(context, { wrong: { orders: "deaf", cart: "stuck" }, limits });
  await fleet.supervisor.start();
  const pid = pidOf(fleet, "orders-1");
  await fleet.supervisor.stop();
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.ok(
    fleet.diary().some((line) => line.startsWith("ends cart-1")),
    "what only drains too long is stopped in order",
  );
});

test("a roll leaves no moment without a ready process, and no request to a gateway fails", async (context) => {
  const fleet = await fakeFleet(context, { services: ["orders"] });
  await fleet.supervisor.start();
  let fewest = 1;
  const look = setInterval(() => (fewest = Math.min(fewest, readyOf(fleet, "orders").length)), 1);
  const seen = new Set<string>();
  const failures: unknown[] = [];
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver)
      await ask(fleet.port).then(
        (text) => seen.add(text),
        (error: unknown) => failures.push(error),
      );
  };
  const clients = [client(), client(), client()];
  await fleet.supervisor.changes.roll("all", { label: "v2" });
  await fleet.supervisor.changes.restart("gateway");
  isOver = true;
  clearInterval(look);
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.equal(fewest, 1);
  assert.equal(seen.size, 3, "each gateway answered in its time");
  assert.deepEqual(
    fleet.supervisor.snapshot().rows.map(({ version }) => version),
    ["v2", "v2"],
  );
});

test("a roll to a build that does not start is undone, and what ran before never stopped", async (context) => {
  const fleet = await fakeFleet(context, { wrong: { v2: "crash" } });
  await fleet.supervisor.start();
  const pid = pidOf(fleet, "orders-1");
  await assert.rejects(fleet.supervisor.changes.roll("orders", { label: "v2" }), NotReady.is);
  assert.deepEqual(readyOf(fleet, "orders"), ["orders-1"]);
  assert.equal(pidOf(fleet, "orders-1"), pid);
  const told = fleet.said.filter((line) => line.startsWith("orders-2 "));
  assert.deepEqual(told, ["orders-2 ended with exit code 1; it is taken back"], "nobody is told that it starts again");
  await fleet.supervisor.changes.scale("orders", 2);
  const rows = fleet.supervisor.snapshot().rows.filter(({ group }) => group === "orders");
  assert.deepEqual(
    rows.map(({ version, state }) => `${version} ${state}`),
    ["v1 ready", "v1 ready"],
    "what is started later is of the old build",
  );
});

test("a change that waits for a process from before does not give that one up", async (context) => {
  const fleet = await fakeFleet(context, { wrong: { orders: "crash" }, limits: { restart: quick } });
  await fleet.supervisor.start();
  await assert.rejects(fleet.supervisor.changes.scale("orders", 2), NotReady.is);
  const starts = fleet.said.filter((line) => line.startsWith("orders-1 ")).length;
  await until("it is tried again", () => fleet.said.filter((line) => line.startsWith("orders-1 ")).length > starts);
});

test("a fleet that is stopped while it rolls leaves no process behind, and starts none", async (context) => {
  const fleet = await fakeFleet(context, { wrong: { v2: "hang" } });
  await fleet.supervisor.start();
  const rolled = assert.rejects(fleet.supervisor.changes.roll("orders", { label: "v2" }));
  await until("a new one starts", () => fleet.supervisor.snapshot().rows.some(({ version }) => version === "v2"));
  await fleet.supervisor.stop();
  await rolled;
  // Not even one that has no process yet.
  const left = fleet.supervisor.snapshot().rows.filter(({ instance }) => instance.startsWith("orders"));
  assert.deepEqual(left, []);
});

test("a group is scaled up and down, and the placement file says so", async (context) => {
  const fleet = await fakeFleet(context);
  await fleet.supervisor.start();
  const scaling = fleet.supervisor.changes.scale("orders", 3);
  await assert.rejects(fleet.supervisor.changes.scale("cart", 2), ChangeUnderWay.is);
  await scaling;
  assert.deepEqual(readyOf(fleet, "orders"), ["orders-1", "orders-2", "orders-3"]);
  await fleet.supervisor.changes.scale("orders", 1);
  assert.deepEqual(readyOf(fleet, "orders"), ["orders-1"]);
  await fleet.supervisor.changes.scale("gateway", 2);
  assert.match(await ask(fleet.port + 1), /^v1 /);
  assert.match(readFileSync(fleetPaths.placement(fleet.folder), "utf8"), /"gateways": \{ "replicas": 2/);
});

test("what processes sign in with is renewed for as long as they run, each time that it is due", async (context) => {
  const written: string[] = [];
  const credentials: CredentialsWriter = {
    trustDomain: "test.isomer",
    write(_, workloads) {
      written.push(workloads.join());
      return Promise.resolve({ renewAt: Date.now() + 100 });
    },
  };
  const fleet = await fakeFleet(context, { credentials });
  await fleet.supervisor.start();
  const times = (workloads: string) => written.filter((one) => one === workloads).length;
  for (const workloads of ["service/orders", "service/cart", "gateway"])
    await until(`${workloads} has new ones again`, () => times(workloads) >= 3);
});

test("processes of a group are spread over its zones, before and after a roll", async (context) => {
  const groups = {
    orders: { services: ["orders"], replicas: 3, zones: ["a", "b"] },
    cart: { services: ["cart"], replicas: 1 },
  };
  const gateways = { replicas: 1, port: await freePorts(1) };
  const fleet = await fakeFleet(context, { placement: { version: 1, gateways, groups } });
  const zonesOf = (group: string) =>
    readyOf(fleet, group).map((instance) => readInstanceFile(fleet.folder, instance).zone);
  await fleet.supervisor.start();
  assert.deepEqual(zonesOf("orders").toSorted(), ["a", "a", "b"]);
  assert.deepEqual(zonesOf("cart"), [undefined]);
  await fleet.supervisor.changes.roll("orders");
  assert.deepEqual(zonesOf("orders").toSorted(), ["a", "a", "b"]);
});

test("a service that moves is in a ready process at every moment", async (context) => {
  const fleet = await fakeFleet(context);
  await fleet.supervisor.start();
  let fewest = 1;
  const holds = (): number =>
    fleet.supervisor.snapshot().rows.filter((row) => row.state === "ready" && row.services.includes("cart")).length;
  const look = setInterval(() => (fewest = Math.min(fewest, holds())), 1);
  await fleet.supervisor.changes.place("cart", "orders");
  clearInterval(look);
  assert.equal(fewest, 1);
  const rows = fleet.supervisor.snapshot().rows.filter(({ kind }) => kind === "service");
  assert.deepEqual(
    rows.map(({ group, services }) => ({ group, services })),
    [{ group: "orders", services: ["orders", "cart"] }],
  );
  assert.match(readFileSync(fleetPaths.placement(fleet.folder), "utf8"), /"services": \["orders", "cart"\]/);
});

test("when a supervisor is killed its processes end, and the next one starts over what it left", async (context) => {
  const folder = fleetFolder(context);
  const first = fork(fileURLToPath(new URL("testing/fleet-main.ts", import.meta.url)), [folder], { stdio: "inherit" });
  context.after(() => first.kill("SIGKILL"));
  await once(first, "message");
  const pids = diaryOf(folder).map((line) => Number(line.split(" ")[2]));
  assert.equal(pids.length, 4, "two services, a deaf one, a gateway");
  first.kill("SIGKILL");
  await once(first, "exit");
  await until(
    "those that listen have ended",
    () => diaryOf(folder).filter((line) => line.startsWith("ends")).length === 3,
  );
  const next = await fakeFleet(context, { folder, leftoverMs: 500 });
  await next.supervisor.start();
  assert.match(next.said.join("\n"), /ended what an earlier fleet left running: .*deaf-1/);
  await until("all of them are gone", () => pids.every(isGone));
  assert.deepEqual(readyOf(next, "orders"), ["orders-1"]);
});

test("what a killed supervisor left running can be ended without a new one, and nothing of a fleet that runs", async (context) => {
  const folder = fleetFolder(context);
  const first = fork(fileURLToPath(new URL("testing/fleet-main.ts", import.meta.url)), [folder], { stdio: "inherit" });
  context.after(() => first.kill("SIGKILL"));
  await once(first, "message");
  const pids = diaryOf(folder).map((line) => Number(line.split(" ")[2]));
  const end = () => endLeftovers(folder, systemClock(), 500);
  await assert.rejects(end(), FolderInUse.is);
  assert.ok(!pids.some(isGone));
  first.kill("SIGKILL");
  await once(first, "exit");
  const left = await end();
  assert.ok(left.some(({ name }) => name === "deaf-1"));
  await until("all of them are gone", () => pids.every(isGone));
  assert.deepEqual(await end(), [], "there is nothing more");
});

/** Whether a process has ended. One that nobody has asked for its end yet is still listed, as a zombie. */
function isGone(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

/** Real time, but for what it skips, as after a process was stopped and went on. */
class SkippingClock implements Clock {
  readonly #real = systemClock();
  #skippedMs = 0;
  /** How often the supervisor looked since the last skip. */
  looks = 0;

  skip(ms: number): void {
    if (ms === 0) return;
    this.#skippedMs += ms;
    this.looks = 0;
  }

  now(): number {
    return this.#real.now();
  }

  monotonicMs(): number {
    return this.#real.monotonicMs() + this.#skippedMs;
  }

  after(delayMs: number, action: () => void): Timer {
    return this.#real.after(delayMs, () => {
      if (delayMs === 1_000) this.looks += 1;
      action();
    });
  }

  soon(action: () => void): void {
    this.#real.soon(action);
  }
}
