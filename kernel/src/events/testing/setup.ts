/** A service that tells and one that hears, over databases in memory: for tests of delivery. */
import { after } from "node:test";
import { contract, event } from "../../contract/mod.ts";
import { systemClock } from "../../node/clock.ts";
import { sqliteStorage } from "../../node/sqlite/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Ids, type Random, silentLogger, uuidV7 } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import type { Database, Migration, SqlConnection } from "../../store/mod.ts";
import { Consumer, type ConsumerOptions } from "../consumer.ts";
import type { Transact } from "../dead-letters.ts";
import type { EventRecord } from "../event.ts";
import { type LogSource, logSource } from "../log-source.ts";
import { eventsMigrations } from "../mod.ts";
import { recorderOn } from "../recorder.ts";

const data = t.object({ id: t.text(), n: t.integer() });

/** The contract of the service that tells. */
export const shop = contract("shop", {
  version: "1.0.0",
  events: { moved: event({ key: "id", data }), noted: event({ key: "id", data }) },
});

const opened: Database[] = [];
after(() => Promise.all(opened.map((database) => database.close())));

/** An empty database in memory that is closed after the tests, with the tables of events and what else is said. */
export async function openMemory(name: string, more: readonly Migration[] = []): Promise<Database> {
  const database = await sqliteStorage({ folder: ":memory:", clock: systemClock() }).open(name);
  await database.migrate([
    { owner: "kernel.events", migrations: eventsMigrations },
    { owner: "test", migrations: more },
  ]);
  opened.push(database);
  return database;
}

/** Lets a promise settle while the clock runs: as fast as the machine can, in steps of 20 ms. */
export async function drive<T>(clock: ManualClock, promise: Promise<T>, maxMs = 3_600_000): Promise<T> {
  const state = { done: false };
  const done = (): void => {
    state.done = true;
  };
  promise.then(done, done);
  const end = clock.now() + maxMs;
  for (;;) {
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (state.done) return promise;
    if (clock.now() > end) throw new Error(`Nothing happened in ${maxMs} ms of virtual time.`);
    await clock.advance(20);
  }
}

/** The service that tells. */
export class Teller {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly database: Database;
  readonly source: LogSource;
  readonly #ids: Ids;

  /** Two that tell of one service need seeds of their own: from those come the ids of events. */
  constructor(database: Database, seed = 7) {
    this.database = database;
    this.random = seededRandom(seed);
    this.#ids = uuidV7(this.clock, this.random);
    const { clock, random } = this;
    this.source = logSource({ service: "shop", database, clock, random, log: silentLogger });
  }

  static async open(): Promise<Teller> {
    return new Teller(await openMemory("shop"));
  }

  /** The recorder of a transaction. */
  recorder(connection: SqlConnection) {
    const { clock } = this;
    return recorderOn(connection, {
      service: "shop",
      events: shop.events,
      ids: this.#ids,
      clock,
      actor: {},
      trace: undefined,
    });
  }

  /** Records `moved` events in one transaction and tells the source. */
  async tell(...events: readonly { readonly id: string; readonly n: number }[]): Promise<void> {
    await this.database.write({ label: "tell" }, async (connection) => {
      const recorder = this.recorder(connection);
      for (const data of events) await recorder.emit(shop.events.moved, data);
    });
    this.source.notify();
  }
}

/** An effect that the hearing service keeps: one row for each event handled, in the order of handling. */
export interface Seen {
  readonly id: string;
  readonly n: number;
}

const SEEN: Migration = {
  name: "0001_seen",
  sql: "CREATE TABLE seen (place INTEGER PRIMARY KEY, id TEXT NOT NULL, n INTEGER NOT NULL)",
};

/** The service that hears. */
export class Hearer {
  readonly database: Database;
  readonly teller: Teller;
  readonly transact: Transact;

  constructor(database: Database, teller: Teller) {
    this.database = database;
    this.teller = teller;
    this.transact = (label, body) => database.write({ label }, body);
  }

  static async open(teller: Teller): Promise<Hearer> {
    return new Hearer(await openMemory("hearer", [SEEN]), teller);
  }

  /** A consumer that keeps what it sees. */
  consumer(options: Partial<ConsumerOptions> = {}): Consumer {
    const { clock, random, source } = this.teller;
    return new Consumer({
      name: "hearer",
      source,
      events: [shop.events.moved],
      transact: this.transact,
      handle: see,
      clock,
      random,
      log: silentLogger,
      ...options,
    });
  }

  /** What took effect, in order. */
  seen(): Promise<Seen[]> {
    return this.database.read({ label: "seen" }, async (connection) => {
      const rows = await connection.all<{ id: string; n: number }>("SELECT id, n FROM seen ORDER BY place");
      return rows.map(({ id, n }) => ({ id, n }));
    });
  }

  /** What took effect for a key, in order. */
  async seenOf(id: string): Promise<number[]> {
    return (await this.seen()).filter((row) => row.id === id).map((row) => row.n);
  }
}

/** The effect of an event. */
export async function see(event: EventRecord, connection: SqlConnection): Promise<void> {
  const { id, n } = event.data as Seen;
  await connection.run("INSERT INTO seen (id, n) VALUES (?, ?)", [id, n]);
}

/** Runs a consumer until what the source has is handled, then stops it. */
export async function settle(teller: Teller, consumer: Consumer): Promise<void> {
  const stop = new AbortController();
  const running = consumer.run(stop.signal);
  await drive(teller.clock, consumer.idle());
  stop.abort();
  await drive(teller.clock, running);
}
