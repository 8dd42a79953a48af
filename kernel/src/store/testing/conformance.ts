/**
 * What every engine must do: one suite, run against each. It tests promises of the port, not ways to keep them;
 * each engine has tests of its own beside it for those.
 */
import { describe, test } from "node:test";
import { deadlines } from "./deadlines.ts";
import { migrations } from "./migrations.ts";
import { reads } from "./reads.ts";
import { type Case, type ConformanceSubject, SCHEMA } from "./subject.ts";
import { wholes } from "./wholes.ts";
import { writes } from "./writes.ts";

export type { ConformanceSubject } from "./subject.ts";

/** Declares the suite for an engine. `make` gives a place of its own to each case. */
export function storeConformance(engine: string, make: () => Promise<ConformanceSubject>): void {
  const suites: readonly (readonly [string, Readonly<Record<string, Case>>])[] = [
    ["writes", writes],
    ["reads", reads],
    ["deadlines", deadlines],
    ["migrations", migrations],
    ["the database", wholes],
  ];
  for (const [title, cases] of suites) {
    void describe(`store on ${engine}: ${title}`, () => {
      for (const [name, run] of Object.entries(cases)) {
        void test(name, async () => {
          const subject = await make();
          try {
            const database = await subject.open();
            await database.migrate([SCHEMA]);
            await run(database, subject);
            await database.close();
          } finally {
            await subject.remove();
          }
        });
      }
    });
  }
}
