/** A simulation that ends its process in one run, and does not end in another. */
import { actor } from "../actors.ts";
import type { Simulation } from "../simulation.ts";
import { coinsSimulation } from "./coins.ts";

/** Seed 2 ends the process, seed 3 never ends. */
export const deadlySimulation: Simulation = {
  ...coinsSimulation,
  actors: ({ seed }) => [
    actor("eve", async function* () {
      yield 100;
      if (seed === 2) process.exit(7);
      while (seed === 3) await Promise.resolve();
    }),
  ],
};
