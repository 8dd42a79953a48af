/**
 * How late a reader of the log hears of an event on PostgreSQL, by two ways of reading: positions that are given after the
 * commit, as the kernel does, and the watermark of `xid8`. 16 writers; for three seconds a transaction of another database
 * of the same server has written something and does nothing. All events must have been read, each key's in order, before a
 * figure is printed.
 *
 *   npx node bench/postgres-log.ts [seconds]
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eventsMigrations, logSource, recorderOn } from "@isomer/kernel/events";
import { contract, event } from "@isomer/kernel/contract";
import { startPostgres } from "@isomer/kernel/node/engines";
import { postgresStorage, provisionDatabases } from "@isomer/kernel/node/postgres";
import { t } from "@isomer/kernel/schema";
import { silentLogger, uuidV7 } from "@isomer/kernel/std";
import type { Database, SqlConnection } from "@isomer/kernel/store";
import { systemClock, systemRandom } from "@isomer/kernel/node";

const SECONDS = Number(process.argv[2] ?? 8);
const WRITERS = 16;
const IDLE_MS = 3_000;
const READ_PAUSE_MS = 5;
const PACE_MS = 20;

const clock = systemClock();
const random = systemRandom();
const ids = uuidV7(clock, random);
const shop = contract("shop", {
  version: "1.0.0",
  events: { moved: event({ key: "id", data: t.object({ id: t.text() }) }) },
});

/** One way of keeping and reading a log. */
interface Way {
  readonly name: string;
  append(connection: SqlConnection, key: string): Promise<{ readonly id: string; readonly sequence: number }>;
  /** The events after what was read before. */
  read(): Promise<readonly { readonly id: string; readonly key: string; readonly sequence: number }[]>;
}

function afterCommit(database: Database): Way {
  const source = logSource({ service: "shop", database, clock, random, log: silentLogger });
  const parts = { service: "shop", events: shop.events, ids, clock, actor: {}, trace: undefined };
  let after = 0;
  return {
    name: "position after the commit",
    append: (connection, key) => recorderOn(connection, parts).emit(shop.events.moved, { id: key }),
    async read() {
      source.notify();
      const { events, upTo } = await source.read({ after, limit: 500 });
      after = upTo;
      return events;
    },
  };
}

const WATERMARK = {
  owner: "bench",
  migrations: [
    {
      name: "0001_watermark",
      sql: `CREATE TABLE marked (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(), id TEXT NOT NULL UNIQUE, key TEXT NOT NULL,
        sequence BIGINT NOT NULL, UNIQUE (key, sequence));
        CREATE INDEX marked_order ON marked (xid, position);
        CREATE TABLE marked_key (key TEXT PRIMARY KEY, sequence BIGINT NOT NULL)`,
    },
  ],
};
const MARK = `WITH next AS (INSERT INTO marked_key (key, sequence) VALUES ($1, 1)
    ON CONFLICT (key) DO UPDATE SET sequence = marked_key.sequence + 1 RETURNING sequence)
  INSERT INTO marked (id, key, sequence) SELECT $2, $1, next.sequence FROM next RETURNING sequence`;
const READ_MARKED = `SELECT CAST(xid AS TEXT) AS xid, position, id, key, sequence FROM marked
  WHERE (marked.xid, position) > (CAST(CAST(? AS TEXT) AS xid8), CAST(? AS BIGINT))
    AND marked.xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY marked.xid, position LIMIT 500`;

function watermark(database: Database): Way {
  let last = { xid: "0", position: 0 };
  type Marked = { xid: string; position: number; id: string; key: string; sequence: number };
  return {
    name: "watermark of xid8",
    async append(connection, key) {
      const id = ids.next();
      const [row] = await connection.all<{ sequence: number }>(MARK, [key, id]);
      return { id, sequence: row?.sequence ?? 0 };
    },
    async read() {
      const rows = await database.read({ label: "read" }, (connection) =>
        connection.all<Marked>(READ_MARKED, [last.xid, last.position]),
      );
      last = rows.at(-1) ?? last;
      return rows;
    },
  };
}

async function measure(way: Way, database: Database, other: Database): Promise<void> {
  const committedAt = new Map<string, number>();
  const heardAt = new Map<string, number>();
  const sequences = new Map<string, number>();
  const startedAt = clock.monotonicMs();
  const endsAt = startedAt + SECONDS * 1_000;
  const isIdle = (at: number): boolean => at >= idleFrom && at < idleFrom + IDLE_MS;
  const idleFrom = startedAt + 2_000;
  let writing = WRITERS;
  const writer = async (number: number): Promise<void> => {
    for (let count = 0; clock.monotonicMs() < endsAt; count += 1) {
      const key = `${number} ${count % 5}`;
      const { id } = await database.write({ label: "write" }, (connection) => way.append(connection, key));
      committedAt.set(id, clock.monotonicMs());
      await pause(PACE_MS);
    }
    writing -= 1;
  };
  const reader = async (): Promise<void> => {
    for (let rounds = 0; rounds < 3 || heardAt.size < committedAt.size; rounds += writing === 0 ? 1 : 0) {
      for (const { id, key, sequence } of await way.read()) {
        assert.equal(sequence, (sequences.get(key) ?? 0) + 1, `${way.name}: ${key}`);
        sequences.set(key, sequence);
        heardAt.set(id, clock.monotonicMs());
      }
      await pause(READ_PAUSE_MS);
    }
  };
  const idler = async (): Promise<void> => {
    await pause(idleFrom - clock.monotonicMs());
    await other.write({ label: "idle" }, async (connection) => {
      await connection.run("INSERT INTO something (id) VALUES (?)", [ids.next()]);
      await pause(IDLE_MS);
    });
  };
  await Promise.all([reader(), idler(), ...Array.from({ length: WRITERS }, (_, number) => writer(number))]);
  assert.deepEqual(new Set(heardAt.keys()), new Set(committedAt.keys()));
  const lags = (wanted: (at: number) => boolean): string => {
    const all = [...committedAt]
      .filter(([, at]) => wanted(at))
      .map(([id, at]) => Math.max(0, (heardAt.get(id) ?? 0) - at))
      .toSorted((a, b) => a - b);
    const at = (share: number): string => (all[Math.floor((all.length - 1) * share)] ?? 0).toFixed(0).padStart(6);
    return `p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  longest ${at(1)} ms  (${all.length} events)`;
  };
  console.log(`${way.name}`);
  console.log(`  else                    ${lags((at) => !isIdle(at))}`);
  console.log(`  beside the idle one     ${lags(isIdle)}`);
}

const folder = mkdtempSync(join(tmpdir(), "isomer-bench-"));
chmodSync(folder, 0o711);
const server = await startPostgres({ folder: join(folder, "cluster"), password: ids.next() });
try {
  const { adminUrl } = server;
  const places = await provisionDatabases({
    adminUrl,
    services: ["shop", "other"],
    passwordOf: (role) => `of ${role}`,
  });
  const storage = postgresStorage({ ...places, clock, random, connectionsMax: WRITERS + 4 });
  const [database, other] = [await storage.open("shop"), await storage.open("other")];
  await database.migrate([{ owner: "kernel.events", migrations: eventsMigrations }, WATERMARK]);
  await other.migrate([
    { owner: "bench", migrations: [{ name: "0001_something", sql: "CREATE TABLE something (id TEXT PRIMARY KEY)" }] },
  ]);
  console.log(`${WRITERS} writers, an event each ${PACE_MS} ms at the most; commits wait for the disk`);
  for (const way of [afterCommit(database), watermark(database)]) await measure(way, database, other);
  await database.close();
  await other.close();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
