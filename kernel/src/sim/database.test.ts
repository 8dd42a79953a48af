import assert from "node:assert/strict";
import { test } from "node:test";
import type { SqlConnection } from "../store/mod.ts";
import { Crashpoint, FaultyConnection } from "./crashpoint.ts";
import { FAULT_KINDS, type FaultRates, Faults } from "./faults.ts";
import { History } from "./history.ts";
import { Machine } from "./machine.ts";
import { forkedRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { Disks, simulatedStorage } from "./storage.ts";
import { drawRates } from "./swarm.ts";

/** Rates at which nothing goes wrong. */
function calm(): FaultRates {
  return drawRates(forkedRandom(1, "swarm"), Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])));
}

/** A machine with a disk, whose process can be ended, and begun anew over what the disk holds. */
function setup() {
  const scheduler = new Scheduler(forkedRandom(1, "scheduler"));
  const now = (): number => scheduler.now;
  const faults = new Faults({ seed: 1, rates: calm(), now, onFault: () => {} });
  const history = new History(now);
  const machine = new Machine("host", scheduler);
  const disks = new Disks();
  const die = (isPowerCut = false): void => {
    const { incarnation } = machine;
    machine.dies();
    if (incarnation !== undefined) disks.abandon(incarnation, isPowerCut);
  };
  const open = () => {
    const incarnation = machine.born();
    const crash = (): void => die();
    return simulatedStorage({ disks, machine, incarnation, faults, history, crash }).open("svc");
  };
  return { scheduler, disks, open, die };
}

test("a process that dies when a body is through begins none of the others that wait", async () => {
  const { scheduler, disks, open, die } = setup();
  const first = await open();
  const begun: string[] = [];
  const write = (name: string, end = (): void => {}): void =>
    void first
      .write({ label: name }, async (connection) => {
        begun.push(name);
        await connection.all("SELECT 1");
        end();
      })
      .catch(() => {});
  write("a", die);
  write("b");
  await scheduler.run(1_000);
  assert.deepEqual(begun, ["a"]);
  assert.ok(disks.isQuiet);
  const second = await open();
  const answer = second.write({ label: "c" }, (connection) => connection.all("SELECT 2 AS n"));
  await scheduler.run(2_000);
  assert.deepEqual(await answer, [{ n: 2 }]);
  disks.close();
});

test("of a statement that fails while its process dies nobody hears", async () => {
  const scheduler = new Scheduler(forkedRandom(1, "scheduler"));
  const machine = new Machine("host", scheduler);
  const incarnation = machine.born();
  const rates = { ...calm(), "crash after statement": 1 };
  const faults = new Faults({ seed: 1, rates, now: () => scheduler.now, onFault: () => {} });
  const point = Crashpoint.of(faults, "some transaction", () => machine.dies());
  const failing: SqlConnection = {
    dialect: "sqlite",
    all: () => Promise.reject(new Error("no such table")),
    run: () => Promise.reject(new Error("no such table")),
  };
  const connection = new FaultyConnection(failing, incarnation, point);
  let statements = 0;
  for (; incarnation.alive && statements < 20; statements += 1) {
    // The runner of the tests fails them for a rejection that nobody handles.
    void connection.run("INSERT INTO nothing VALUES (1)").catch(() => assert.ok(incarnation.alive));
    await scheduler.run(0);
  }
  assert.ok(!incarnation.alive);
});
