/** A process that makes runs for a batch. It is told the simulation's module and name, then one run after another. */
import { localLane } from "../batch/lane.ts";
import type { SeedTask } from "../batch/outcome.ts";
import type { Simulation } from "../simulation.ts";

/** A question of the batch to a worker. */
export interface WorkerAsk {
  readonly op: "run" | "tell";
  readonly task: SeedTask;
}

const [, , url = "", name = ""] = process.argv;

// Only where it was started as a worker: the type above is imported by whoever starts it.
if (process.send !== undefined && url !== "") {
  const module = (await import(url)) as Readonly<Record<string, Simulation | undefined>>;
  const simulation = module[name];
  if (simulation === undefined) throw new TypeError(`${url} exports no simulation "${name}".`);
  const lane = localLane(simulation);
  process.on("message", ({ op, task }: WorkerAsk) => {
    void lane[op](task).then((answer) => process.send?.(answer));
  });
  process.on("disconnect", () => process.exit());
  process.send("ready");
}
