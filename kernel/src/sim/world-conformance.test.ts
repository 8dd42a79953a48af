/** Simulated clocks, randomness and ids are held to what the real ones do. */
import { AsyncLocalStorage } from "node:async_hooks";
import { clockConformance } from "../std/testing/clock-conformance.ts";
import { idsConformance, randomConformance } from "../std/testing/random-conformance.ts";
import { forkedRandom } from "./random.ts";
import { under } from "./real/cause.ts";
import { Stage } from "./testing/stage.ts";
import { causedIds } from "./world.ts";

for (const [name, change] of [
  ["of a machine", {}],
  ["that runs fast", { drift: 0.1 }],
  ["that runs slow, and is off", { drift: -0.1, skewMs: -90_000 }],
  ["of a slow machine", { slowness: 4 }],
] as const) {
  clockConformance(`the simulated one ${name}`, () => {
    const stage = new Stage();
    const machine = stage.machine("host");
    Object.assign(machine, change);
    const pump = stage.pump();
    return { clock: machine.clockOf(machine.born()), close: () => pump.stop() };
  });
}

let fork = 0;
randomConformance("forked from a seed", () => forkedRandom(1, `fork ${(fork += 1)}`));

idsConformance("simulated, of a process by itself", () => {
  const stage = new Stage();
  const machine = stage.machine("host");
  const clock = machine.clockOf(machine.born());
  const source = () => causedIds(1, `host#${(fork += 1)}`, clock.now);
  return { clock, source, pass: () => stage.scheduler.spend(1) };
});

idsConformance("simulated, of what is being done", () => {
  const stage = new Stage();
  const machine = stage.machine("host");
  const clock = machine.clockOf(machine.born());
  const source = () => {
    const ids = causedIds(1, "host#1", clock.now);
    const cause = `call ${(fork += 1)}`;
    return under(cause, () => {
      const here = AsyncLocalStorage.snapshot();
      return { next: () => here(() => ids.next()) };
    });
  };
  return { clock, source, pass: () => stage.scheduler.spend(1) };
});
