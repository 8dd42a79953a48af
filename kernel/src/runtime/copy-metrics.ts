/** What a copy of a service's database for reading does, as metrics. */
import type { Metrics } from "../observe/mod.ts";
import type { Database } from "../store/mod.ts";

/**
 * Counts the reads that the copy answered, and measures how old what it shows may be by now: that it is behind, or away,
 * shows in an age that grows, or in none while nothing is known of it. Does nothing for a database without a copy.
 */
export function measureCopy(database: Database, metrics: Metrics): void {
  if (database.stats().copyReads === undefined) return;
  const service = database.name;
  metrics
    .counter("isomer.store.copy_reads", "Reads that a copy of the database answered.", ["service"])
    .with({ service })
    .from(() => database.stats().copyReads ?? 0);
  metrics
    .gauge("isomer.store.copy_age", "How old what the copy shows is at most.", ["service"], "s")
    .with({ service })
    .from(() => (database.stats().copyAgeMs ?? Number.NaN) / 1_000);
}
