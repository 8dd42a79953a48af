/**
 * From the commit of an event to the commit of its last subscriber: in one process, and over JetStream (a server that
 * this starts). Databases are SQLite files, each commit is on the disk. What took effect is counted before any figure is
 * printed. Budgets: p99 below 20 ms in process, below 60 ms over JetStream.
 *
 *   npx node bench/events.ts [events] [events a second] [subscribers]
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { contract, event } from "@isomer/kernel/contract";
import { Consumer, type EventSource, type LogSource, Relay, eventsMigrations } from "@isomer/kernel/events";
import { logSource, recorderOn } from "@isomer/kernel/events";
import { hasNats, startNats } from "@isomer/kernel/node/engines";
import { jetStreamBroker, openNats } from "@isomer/kernel/node/nats";
import { sqliteStorage } from "@isomer/kernel/node/sqlite";
import { t } from "@isomer/kernel/schema";
import { silentLogger, uuidV7 } from "@isomer/kernel/std";
import type { Database } from "@isomer/kernel/store";
import { systemClock } from "../kernel/src/node/clock.ts";
import { systemRandom } from "../kernel/src/node/random.ts";

const COUNT = Number(process.argv[2] ?? 2_000);
const RATE = Number(process.argv[3] ?? 100);
const SUBSCRIBERS = Number(process.argv[4] ?? 3);
const WARM_UP = 200;
const BUDGET_MS = { "in process": 20, "over JetStream": 60 } as const;

const shop = contract("shop", {
  version: "1.0.0",
  events: { moved: event({ key: "id", data: t.object({ id: t.text(), n: t.integer(), note: t.text() }) }) },
});
const clock = systemClock();
const random = systemRandom();
const ids = uuidV7(clock, random);
const log = silentLogger;

async function open(folder: string, name: string): Promise<Database> {
  const database = await sqliteStorage({ folder: join(folder, name), clock }).open(name);
  const seen = { name: "0001_seen", sql: "CREATE TABLE seen (n INTEGER PRIMARY KEY)" };
  await database.migrate([
    { owner: "kernel.events", migrations: eventsMigrations },
    { owner: "bench", migrations: [seen] },
  ]);
  return database;
}

/** Records one event, and says when its commit was done. */
async function tell(database: Database, source: LogSource, n: number): Promise<number> {
  await database.write({ label: "tell" }, async (connection) => {
    const recorder = recorderOn(connection, {
      ...{ service: "shop", events: shop.events, ids, clock, actor: {}, trace: undefined },
    });
    await recorder.emit(shop.events.moved, { id: `key ${n % 50}`, n, note: "x".repeat(400) });
  });
  const at = performance.now();
  source.notify();
  return at;
}

interface Way {
  /** Where subscribers hear from. */
  readonly heard: (log: LogSource) => Promise<EventSource> | EventSource;
  readonly close: () => Promise<void>;
}

async function measure(name: keyof typeof BUDGET_MS, way: Way): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "isomer-bench-"));
  const total = COUNT + WARM_UP;
  const database = await open(folder, "shop");
  const source = logSource({ service: "shop", database, clock, random, log });
  const heard = await way.heard(source);
  const [left, ends] = [new Map<number, number>(), new Map<number, number>()];
  const stop = new AbortController();
  const hearers = await Promise.all(Array.from({ length: SUBSCRIBERS }, (_, index) => open(folder, `hearer${index}`)));
  const running = hearers.map((hearer, index) => {
    const consumer = new Consumer({
      ...{ name: `hearer${index}`, source: heard, events: [shop.events.moved], clock, random, log },
      transact: async (label, body, told) => {
        const result = await hearer.write({ label }, body);
        const n = (told?.data as { n: number } | undefined)?.n;
        if (n !== undefined) {
          left.set(n, (left.get(n) ?? SUBSCRIBERS) - 1);
          if (left.get(n) === 0) ends.set(n, performance.now());
        }
        return result;
      },
      handle: async ({ data }, connection) => {
        await connection.run("INSERT INTO seen (n) VALUES (?)", [(data as { n: number }).n]);
      },
    });
    return consumer.run(stop.signal);
  });
  const begun = performance.now();
  const starts: number[] = [];
  const cpu = process.cpuUsage();
  for (let n = 0; n < total; n += 1) {
    starts.push(await tell(database, source, n));
    await pause(Math.max(0, begun + ((n + 1) * 1_000) / RATE - performance.now()));
  }
  while (ends.size < total) await pause(5);
  const { user, system } = process.cpuUsage(cpu);
  stop.abort();
  await Promise.all(running);
  for (const hearer of hearers) {
    const [row] = await hearer.read({ label: "count" }, (sql) =>
      sql.all<{ c: number }>("SELECT count(*) AS c FROM seen"),
    );
    assert.equal(row?.c, total);
  }
  const times = starts.map((start, n) => (ends.get(n) ?? Number.NaN) - start).slice(WARM_UP);
  report(
    name,
    times.toSorted((a, b) => a - b),
    (user + system) / total,
  );
  await way.close();
  for (const one of [database, ...hearers]) await one.close();
  rmSync(folder, { recursive: true, force: true });
}

function report(name: keyof typeof BUDGET_MS, times: readonly number[], cpuUs: number): void {
  const at = (part: number): string => (times[Math.floor(times.length * part)] ?? Number.NaN).toFixed(1);
  const isWithin = Number(at(0.99)) < BUDGET_MS[name] ? "within" : "OVER";
  console.log(
    `${name.padEnd(16)} p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms (${isWithin} ${BUDGET_MS[name]} ms), ` +
      `max ${(times.at(-1) ?? Number.NaN).toFixed(1)} ms, ${Math.round(cpuUs)} µs CPU an event`,
  );
}

async function overJetStream(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "isomer-bench-nats-"));
  const server = await startNats({ folder });
  const link = (name: string) => openNats({ servers: [`127.0.0.1:${server.port}`], name, clock, random, log });
  // A subscriber in another host has a connection of its own.
  const [telling, hearing] = [link("telling"), link("hearing")];
  await Promise.all([telling.up(), hearing.up()]);
  const broker = jetStreamBroker({ link: telling, clock, random, make: {} });
  const readers = jetStreamBroker({ link: hearing, clock, random });
  let relay: Relay | undefined;
  await measure("over JetStream", {
    heard: (source) => {
      relay = new Relay({ source, broker, clock, random, log });
      relay.start();
      return readers.source("shop");
    },
    close: async () => {
      await relay?.stop();
      for (const one of [broker, readers]) one.close();
      for (const one of [telling, hearing]) await one.close();
      await server.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

console.log(`${COUNT} events, ${RATE} a second, ${SUBSCRIBERS} subscribers`);
await measure("in process", { heard: (source) => source, close: async () => {} });
if (hasNats()) await overJetStream();
else console.log("over JetStream   not measured: nats-server is not installed (apt-get install nats-server)");
