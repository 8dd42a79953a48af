/** What every service's database needs by itself: records that are older than anybody asks for are deleted. */
import { pruneInbox } from "../events/mod.ts";
import { pruneSagas } from "../saga/mod.ts";
import { RETENTION_MS, pruneRecords } from "./idempotency.ts";
import type { Job } from "./service.ts";
import type { JobContext } from "./service.ts";

/** Rows deleted in one transaction: bounds how long it holds the writer. */
const ROWS_MAX = 500;

/** The kernel's own job in each service. */
export const pruneJob: Job<never, string, unknown> = {
  name: "isomer.prune",
  everyMs: 10 * 60_000,
  run: (ctx) => prune(ctx),
};

function prune(ctx: JobContext<never>): Promise<boolean> {
  const before = ctx.now() - RETENTION_MS;
  return ctx.transaction(async ({ connection }) => {
    const deleted = [
      await pruneRecords(connection, before, ROWS_MAX),
      await pruneInbox(connection, before, ROWS_MAX),
      await pruneSagas(connection, before, ROWS_MAX),
    ];
    return deleted.includes(ROWS_MAX);
  });
}
