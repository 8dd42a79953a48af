import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { silentLogger } from "../std/mod.ts";
import type { Database } from "../store/mod.ts";
import { EventsPruned, pruneLog } from "./log-pruning.ts";
import { logSource } from "./log-source.ts";
import type { EventSource } from "./source.ts";
import { Teller, drive, shop } from "./testing/setup.ts";

interface Counted extends Database {
  reads: number;
}

/** The same database, counting its reads. */
function counting(database: Database): Counted {
  const counted: Counted = Object.assign(Object.create(database) as Database, {
    reads: 0,
    write: database.write.bind(database),
    read: ((options, body) => {
      counted.reads += 1;
      return database.read(options, body);
    }) as Database["read"],
  });
  return counted;
}

/** Reads on from a position until there is no more. */
async function readAll(source: EventSource, after: number, limit: number, types?: ReadonlySet<string>) {
  const numbers: number[] = [];
  for (let at = after, more = true; more;) {
    const batch = await source.read({
      after: at,
      limit,
      ...(types === undefined ? {} : { types }),
    });
    assert.ok(batch.upTo >= at);
    numbers.push(...batch.events.map((event) => (event.data as { n: number }).n));
    ({ upTo: at, more } = batch);
  }
  return numbers;
}

describe("logSource", () => {
  test("gives readers at any position all that follows, in order", async () => {
    const step = fc.oneof(
      fc.record({ tell: fc.integer({ min: 1, max: 300 }) }),
      fc.record({
        readAfter: fc.double({ min: 0, max: 1, noNaN: true }),
        limit: fc.integer({ min: 1, max: 400 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 700 }), fc.array(step, { maxLength: 12 }), async (before, steps) => {
        const teller = await Teller.open();
        let told = 0;
        const tell = (count: number) =>
          teller.tell(...Array.from({ length: count }, () => ({ id: "a", n: (told += 1) })));
        if (before > 0) await tell(before);
        for (const one of steps) {
          if ("tell" in one) await tell(one.tell);
          else {
            const after = Math.floor(one.readAfter * told);
            const expected = Array.from({ length: told - after }, (_, index) => after + index + 1);
            assert.deepEqual(await readAll(teller.source, after, one.limit), expected);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test("leaves out other types, and goes past them", async () => {
    const teller = await Teller.open();
    await teller.tell({ id: "a", n: 1 }, { id: "a", n: 2 });
    assert.deepEqual(await readAll(teller.source, 0, 10, new Set(["noted"])), []);
    const batch = await teller.source.read({ after: 0, limit: 10, types: new Set(["noted"]) });
    assert.equal(batch.upTo, 2);
    assert.equal(batch.more, false);
  });

  test("reads what is new once for all readers, and nothing when nothing is new", async () => {
    const teller = await Teller.open();
    const database = counting(teller.database);
    const { clock, random } = teller;
    const source = logSource({ service: "shop", database, clock, random, log: silentLogger });
    await source.read({ after: 0, limit: 10 });
    await teller.tell({ id: "a", n: 1 });
    source.notify();
    database.reads = 0;
    const batches = await Promise.all([1, 2, 3].map(() => source.read({ after: 0, limit: 10 })));
    await source.read({ after: 1, limit: 10 });
    assert.equal(database.reads, 1);
    const [first, second] = batches.map((batch) => batch.events[0]);
    assert.deepEqual(first, second);
    assert.notEqual(first?.data, second?.data, "readers share nothing");
  });

  test("shows a reader what it was told of, also when another reads meanwhile", async () => {
    const teller = await Teller.open();
    const gate = Promise.withResolvers<void>();
    let gated = false;
    const database = Object.assign(Object.create(teller.database) as Database, {
      read: (async (options, body) => {
        const result = await teller.database.read(options, body);
        if (gated) await gate.promise;
        return result;
      }) as Database["read"],
    });
    const { clock, random } = teller;
    const source = logSource({ service: "shop", database, clock, random, log: silentLogger });
    await source.read({ after: 0, limit: 10 });
    gated = true;
    source.notify();
    const first = source.read({ after: 0, limit: 10 });
    await teller.database.read({ label: "test" }, async () => {});
    await teller.tell({ id: "a", n: 1 });
    source.notify();
    const second = source.read({ after: 0, limit: 10 });
    gate.resolve();
    assert.equal((await second).events.length, 1);
    await first;
  });

  test("takes what was pruned since it last looked for no loss of the log, and tells whoever wants it", async () => {
    for (const known of ["moved", "noted"] as const) {
      const teller = await Teller.open();
      const { database, clock, random } = teller;
      const said: string[] = [];
      const log = { ...silentLogger, error: (text: string) => void said.push(text) };
      const follower = logSource({ service: "shop", database, clock, random, log });
      const tell = (...types: readonly ("moved" | "noted")[]) =>
        database.write({ label: "tell" }, async (connection) => {
          const recorder = teller.recorder(connection);
          for (const [n, type] of types.entries()) await recorder.emit(shop.events[type], { id: "a", n });
        });
      await tell("noted", known);
      await follower.read({ after: 0, limit: 10 });
      await tell("moved", "noted");
      await database.write({ label: "prune" }, (connection) => pruneLog(connection, "moved", 3));
      follower.notify();
      await assert.rejects(async () => {
        for (let after = 2, more = true; more;) ({ upTo: after, more } = await follower.read({ after, limit: 10 }));
      }, EventsPruned.is);
      await tell("noted");
      follower.notify();
      assert.deepEqual(await readAll(follower, 3, 10), [1, 0]);
      assert.deepEqual([follower.losses, said], [0, []], `the last that it knew was ${known}`);
    }
  });

  test("finds by itself what it was not told of", async () => {
    const teller = await Teller.open();
    let heard: () => void = () => {};
    const hearing = new Promise<void>((resolve) => (heard = resolve));
    await teller.source.read({ after: 0, limit: 10 });
    const deaf = teller.source.onAppend(heard);
    await teller.database.write({ label: "quiet" }, (c) =>
      teller.recorder(c).emit(shop.events.moved, { id: "a", n: 1 }),
    );
    await drive(teller.clock, hearing, 5_000);
    assert.deepEqual(await readAll(teller.source, 0, 10), [1]);
    deaf();
    await drive(teller.clock, teller.source.head());
    assert.equal(teller.clock.pending, 0, "it looks only while somebody listens");
  });

  test("reads again after a failure", async () => {
    const teller = await Teller.open();
    const failing = Object.assign(Object.create(teller.database) as Database, {
      read: (() => Promise.reject(new Error("no"))) as Database["read"],
    }) as Database;
    const { clock, random } = teller;
    const source = logSource({
      service: "shop",
      database: failing,
      clock,
      random,
      log: silentLogger,
    });
    await teller.tell({ id: "a", n: 1 });
    await assert.rejects(source.read({ after: 0, limit: 10 }), /no/);
    failing.read = teller.database.read.bind(teller.database);
    assert.deepEqual(await readAll(source, 0, 10), [1]);
  });
});
