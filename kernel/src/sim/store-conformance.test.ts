/** The simulated database is held to what every engine must do. */
import assert from "node:assert/strict";
import type { Clock } from "../std/mod.ts";
import { storeConformance } from "../store/testing/conformance.ts";
import { Disks, simulatedStorage } from "./storage.ts";
import { Stage } from "./testing/stage.ts";

/** Looking at the clock takes this long, so that whoever waits for it by looking gets there. */
const LOOK_MS = 0.01;

storeConformance("the simulated database", async () => {
  const stage = new Stage();
  const pump = stage.pump();
  const machine = stage.machine("host");
  const incarnation = machine.born();
  const { now, monotonicMs, after, soon } = machine.clockOf(incarnation);
  const clock: Clock = {
    ...{ now, after, soon },
    monotonicMs() {
      stage.scheduler.spend(LOOK_MS);
      return monotonicMs();
    },
  };
  return {
    clock,
    keeps: true,
    sideBySide: false,
    open: (more = {}) => stage.storage(machine, incarnation, more).open("orders"),
    openBackup(path) {
      const disks = new Disks(new Map([["orders", stage.disks.backups.get(path) ?? assert.fail("no backup")]]));
      const { faults, history } = stage;
      const crash = (): void => {};
      return simulatedStorage({ disks, machine, incarnation, faults, history, crash }).open("orders");
    },
    async remove() {
      await pump.stop();
      stage.disks.close();
    },
  };
});
