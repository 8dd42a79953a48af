import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULT_KINDS, Faults } from "./faults.ts";
import { History } from "./history.ts";
import { Machine } from "./machine.ts";
import { forkedRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { Disks, simulatedStorage } from "./storage.ts";
import { drawRates } from "./swarm.ts";

/** A machine with a disk, whose process can be ended, and begun anew over what the disk holds. */
function setup() {
  const scheduler = new Scheduler(forkedRandom(1, "scheduler"));
  const now = (): number => scheduler.now;
  const none = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  const rates = drawRates(forkedRandom(1, "swarm"), none);
  const faults = new Faults({ seed: 1, rates, now, onFault: () => {} });
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
