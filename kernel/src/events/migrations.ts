/** The tables of this part, in the order of their making. */
import type { Migration } from "../store/mod.ts";
import { heardMigration, inboxMigration, missedMigration } from "./inbox.ts";
import { logMigration } from "./log.ts";
import { pruningMigration } from "./log-pruning.ts";

/** The tables of events: the log of what a service emits, and the inbox of what it hears. */
export const eventsMigrations: readonly Migration[] = [
  logMigration,
  inboxMigration,
  pruningMigration,
  missedMigration,
  heardMigration,
];
