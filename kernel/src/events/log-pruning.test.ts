import { pruningConformance } from "./testing/pruning.ts";
import { openMemory } from "./testing/setup.ts";

pruningConformance("pruning the log in SQLite", async () => ({
  database: await openMemory("shop"),
  close: async () => {},
}));
