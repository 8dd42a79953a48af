/** What every service's database needs by itself: records that are older than anybody asks for are deleted. */
import { type Broker, logPositionAt, pruneInbox, pruneLog, readCursor } from "../events/mod.ts";
import type { Metrics } from "../observe/mod.ts";
import { pruneSagas } from "../saga/mod.ts";
import { RETENTION_MS, pruneRecords } from "./idempotency.ts";
import type { Job, JobContext } from "./service.ts";
import type { ServiceRunner } from "./service-runner.ts";

/** Rows deleted in one transaction: bounds how long it holds the writer. */
const ROWS_MAX = 500;

// By the indexes that pruning goes by.
const OLDEST = `SELECT (SELECT min(at) FROM isomer_idempotency) AS isomer_idempotency,
  (SELECT min(at) FROM isomer_inbox) AS isomer_inbox`;

/**
 * The kernel's own job in each service. Its gauge says how old the oldest row is that it has left: whether more comes in
 * than it deletes, or something cannot be deleted, shows in an age beyond {@link RETENTION_MS}.
 */
export function pruneJob({ name, database }: ServiceRunner, metrics: Metrics): Job<never, string, unknown> {
  const ages = metrics.gauge("isomer.prune.oldest", "Age of the oldest row after pruning.", ["service", "table"], "s");
  return {
    name: "isomer.prune",
    everyMs: 10 * 60_000,
    async run(ctx) {
      const more = await prune(ctx);
      const [oldest = {}] = await database.read({ label: `${name}.prune.oldest` }, (connection) =>
        connection.all<Record<string, number | null>>(OLDEST),
      );
      for (const [table, at] of Object.entries(oldest)) {
        ages.with({ service: name, table }).set(at === null ? 0 : (ctx.now() - at) / 1_000);
      }
      return more;
    },
  };
}

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

/** Who hears a service's log in this process: their database, and as whom they hear. */
export interface LogReader {
  readonly runner: ServiceRunner;
  readonly consumer: string;
}

/** What {@link pruneLogJob} looks at. */
export interface LogPruning {
  readonly broker: Broker | undefined;
  readonly readers: () => readonly LogReader[];
}

/**
 * Prunes the log of a service whose contract has events that are not kept for ever: what is older than that, and the broker
 * has, and all who read the log itself have gone past. Undefined when all are kept.
 */
export function pruneLogJob(runner: ServiceRunner, pruning: LogPruning): Job<never, string, unknown> | undefined {
  const kept = Object.values(runner.contract.events).flatMap(({ name, definition: { keepMs } }) =>
    keepMs === undefined ? [] : [{ name, keepMs }],
  );
  if (kept.length === 0) return undefined;
  return {
    name: "isomer.prune-log",
    everyMs: 10 * 60_000,
    async run(ctx) {
      const heard = await heardUpTo(runner, pruning);
      let more = false;
      for (const { name, keepMs } of kept) {
        const since = ctx.now() - keepMs;
        const isMore = await ctx.transaction(
          async ({ connection }) => {
            const old = await logPositionAt(connection, runner.name, since);
            return pruneLog(connection, name, Math.min(old, heard));
          },
          // Nobody else changes these rows, and those that record new ones must not run again for it.
          { isolation: "read committed" },
        );
        more ||= isMore;
      }
      return more;
    },
  };
}

/** Up to where nobody needs the log to hear its events: where the broker is, and where readers in this process are. */
async function heardUpTo({ name }: ServiceRunner, { broker, readers }: LogPruning): Promise<number> {
  let least = broker === undefined ? Number.POSITIVE_INFINITY : await broker.head(name);
  for (const { runner, consumer } of readers()) {
    // What is stored counts: that consumer may be at work in another process.
    const at = await runner.database.read({ label: `${name}.prune.cursor` }, (connection) =>
      readCursor(connection, consumer, name),
    );
    least = Math.min(least, at);
  }
  return least;
}
