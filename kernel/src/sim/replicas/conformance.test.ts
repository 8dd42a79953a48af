/** What a simulated fleet with replicas is made of is held to what its real parts are held to. */
import assert from "node:assert/strict";
import { transportConformance } from "../../transport/testing/conformance.ts";
import { calleeSystem } from "../../transport/testing/conformance.ts";
import { registryConformance } from "../../transport/testing/registry-conformance.ts";
import { storeConformance } from "../../store/testing/conformance.ts";
import type { Clock } from "../../std/mod.ts";
import { Fleet } from "../fleet.ts";
import { askerOf } from "../network.ts";
import type { Place } from "../placement.ts";
import { forkedRandom } from "../random.ts";
import type { Simulation } from "../simulation.ts";
import { Stage } from "../testing/stage.ts";
import { SimRegistry } from "./registry.ts";
import { REGISTRY, RegistryServer } from "./registry-server.ts";
import { DATABASE, DatabaseServer } from "./server.ts";
import { SharedDatabase } from "./shared-database.ts";

registryConformance(
  "simulated",
  async () => {
    const stage = new Stage();
    const { scheduler, network, faults } = stage;
    const server = new RegistryServer({ machine: stage.machine(REGISTRY), scheduler, network, faults });
    server.start();
    const open = (name: string): SimRegistry => {
      const machine = stage.machine(name);
      const life = machine.born();
      const random = forkedRandom(stage.seed, name);
      const asker = askerOf(machine, life);
      return new SimRegistry({ server, network, asker, machine, clock: machine.clockOf(life), random, life: name });
    };
    const pump = stage.pump();
    return {
      registry: open("one"),
      other: open("two"),
      async interrupt() {
        server.dies(false);
        return async () => server.start();
      },
      close: () => pump.stop(),
    };
  },
  { tellsAll: true },
);

const apart: readonly Place[] = [
  { machine: "here", services: ["caller", "stranger"], isGateway: true },
  { machine: "there-a", services: ["callee"], isGateway: false, isReplica: true },
  { machine: "there-b", services: ["callee"], isGateway: false, isReplica: true },
];

for (const [name, change] of [
  ["between simulated hosts, to two replicas", {}],
  ["between simulated hosts whose clocks run apart, to two replicas", { drift: 0.05, skewMs: 60_000 }],
] as const) {
  transportConformance(name, async (probe) => {
    const stage = new Stage();
    const { seed, scheduler, faults, history, disks } = stage;
    const simulation: Simulation = { name: "calls", system: calleeSystem(probe), actors: () => [], properties: [] };
    const places = apart;
    const fleet = new Fleet({ ...{ seed, scheduler, faults, history, disks, places }, simulation, hasReplicas: true });
    Object.assign(fleet.machines.get("here") ?? {}, change);
    fleet.start();
    await scheduler.run(60_000, () => fleet.isUp);
    const host = fleet.hosts.get("here") ?? assert.fail("The fleet does not start.");
    const pump = stage.pump();
    return { transport: host.transport, clock: host.world.clock, close: () => pump.stop() };
  });
}

/** Looking at the clock takes this long, so that whoever waits for it by looking gets there. */
const LOOK_MS = 0.01;

storeConformance("the simulated database of replicas", async () => {
  const stage = new Stage();
  const { scheduler, network, faults, history, disks } = stage;
  const note = (): void => {};
  const server = new DatabaseServer({
    ...{ machine: stage.machine(DATABASE), scheduler, network, faults, history, disks, note },
  });
  server.start();
  const machine = stage.machine("host");
  const incarnation = machine.born();
  const { now, monotonicMs, after, soon } = machine.clockOf(incarnation);
  const clock: Clock = {
    ...{ now, after, soon },
    monotonicMs() {
      scheduler.spend(LOOK_MS);
      return monotonicMs();
    },
  };
  const { backups } = disks;
  const crash = (): void => {};
  const pump = stage.pump();
  return {
    clock,
    keeps: true,
    sideBySide: false,
    open: async (more = {}) =>
      new SharedDatabase({
        ...{
          name: "orders",
          machine,
          incarnation,
          clock,
          server,
          faults,
          backups,
          crash,
          stall: () => Promise.resolve(),
          note,
        },
        ...more,
      }),
    async remove() {
      await pump.stop();
      disks.close();
    },
  };
});
