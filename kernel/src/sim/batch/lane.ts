/** Where runs are made, one after another: in this process, or in one of its own. */
import { runSeed } from "../run-seed.ts";
import type { Simulation } from "../simulation.ts";
import { type SeedOutcome, type SeedTask, brokenOutcome, lineOf, optionsOf, outcomeOf } from "./outcome.ts";

/** Makes runs, one after another. */
export interface Lane {
  /** Never rejects: a run that cannot be made has a violation. */
  run(task: SeedTask): Promise<SeedOutcome>;
  /** The events of a run, as lines to be compared. */
  tell(task: SeedTask): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Makes runs in this process. */
export function localLane(simulation: Simulation): Lane {
  return {
    async run(task) {
      try {
        return outcomeOf(task, await runSeed(simulation, optionsOf(task)));
      } catch (error) {
        return brokenOutcome(task, error instanceof Error ? (error.stack ?? String(error)) : String(error));
      }
    },
    async tell(task) {
      const { events } = await runSeed(simulation, optionsOf(task));
      return events.map(lineOf);
    },
    close: () => Promise.resolve(),
  };
}
