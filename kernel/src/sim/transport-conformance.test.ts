/** Calls between simulated hosts, on one machine or on two, are held to what calls everywhere do. */
import { calleeSystem, transportConformance } from "../transport/testing/conformance.ts";
import { Fleet } from "./fleet.ts";
import type { Place } from "./placement.ts";
import type { Simulation } from "./simulation.ts";
import { Stage } from "./testing/stage.ts";

const apart: readonly Place[] = [
  { machine: "here", services: ["caller", "stranger"], isGateway: true },
  { machine: "there", services: ["callee"], isGateway: false },
];
const together: readonly Place[] = [{ machine: "here", services: ["caller", "stranger", "callee"], isGateway: true }];

for (const [name, places, change] of [
  ["between simulated hosts", apart, {}],
  ["between simulated hosts whose clocks run apart", apart, { drift: 0.05, skewMs: 60_000 }],
  ["within a simulated host", together, {}],
] as const) {
  transportConformance(name, async (probe) => {
    const stage = new Stage();
    const { seed, scheduler, faults, history, disks } = stage;
    const simulation: Simulation = { name: "calls", system: calleeSystem(probe), actors: () => [], properties: [] };
    const fleet = new Fleet({ ...{ seed, scheduler, faults, history, disks, places }, simulation });
    Object.assign(fleet.machines.get("here") ?? {}, change);
    fleet.start();
    await scheduler.run(60_000, () => fleet.isUp);
    const host = fleet.hosts.get("here");
    if (host === undefined) throw new Error("The fleet does not start.");
    const pump = stage.pump();
    return { transport: host.transport, clock: host.world.clock, close: () => pump.stop() };
  });
}
