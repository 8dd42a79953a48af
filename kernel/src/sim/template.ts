/** What every run of a simulation begins with: its databases, migrated and filled once. */
import { FAULT_KINDS, Faults } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { History } from "./history.ts";
import { forkedRandom } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import type { Simulation } from "./simulation.ts";
import { Disks, type Images } from "./storage.ts";
import { drawRates } from "./swarm.ts";
import { migrations } from "./world.ts";

const known = new WeakMap<Simulation, Promise<Images>>();
const LONGEST_MS = 500_000;

/** The databases as they are at the beginning. Made without faults, from a seed of its own: the same in every process. */
export function prepared(simulation: Simulation): Promise<Images> {
  let images = known.get(simulation);
  if (images === undefined) known.set(simulation, (images = prepare(simulation)));
  return images;
}

async function prepare(simulation: Simulation): Promise<Images> {
  const seed = 0;
  const scheduler = new Scheduler(forkedRandom(seed, "prepare"));
  const now = (): number => scheduler.now;
  const history = new History(now);
  const none = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  const rates = drawRates(forkedRandom(seed, "prepare/swarm"), none);
  const faults = new Faults({ seed, rates, now, onFault: () => {} });
  const disks = new Disks();
  const services = simulation.system.services.map(({ contract }) => contract.name);
  const places = [{ machine: "host", services, isGateway: true }];
  const fleet = new Fleet({ seed, simulation, places, scheduler, faults, history, disks });
  try {
    fleet.start();
    await scheduler.run(LONGEST_MS, () => fleet.isUp);
    const host = fleet.hosts.get("host");
    if (host === undefined)
      throw new Error(
        `The system does not start: ${history.events.findLast(({ kind }) => kind === "log")?.what ?? "no reason"}.`,
      );
    const state: { done: boolean; error?: unknown } = { done: false };
    const ready = async (): Promise<void> => {
      await simulation.prepare?.(host);
      await host.idle();
      await host.stop();
    };
    ready().then(
      () => (state.done = true),
      (error: unknown) => Object.assign(state, { done: true, error }),
    );
    if (!(await scheduler.run(LONGEST_MS, () => state.done))) throw new Error("The preparation does not end.");
    if (state.error !== undefined) throw state.error;
    // Runs find them read: files are out of reach there.
    for (const { migrations: source } of simulation.next?.services ?? []) migrations(source);
    return disks.images();
  } finally {
    disks.close();
  }
}
