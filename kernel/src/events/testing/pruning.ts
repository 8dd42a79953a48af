/** What pruning the log must do: one suite, run on each store. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../../node/clock.ts";
import { silentLogger } from "../../std/mod.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import type { Database } from "../../store/mod.ts";
import { EventsPruned, logSource, pruneLog, readLog } from "../mod.ts";
import { Teller, shop } from "./setup.ts";

/** A database with the tables of events, and what ends it. */
export interface PruningSubject {
  readonly database: Database;
  close(): Promise<void>;
}

const SPAN = 20;

interface Setup {
  readonly database: Database;
  /** Records events: `moved` where the key is in capitals, else `noted`. */
  tell(...keys: readonly string[]): Promise<void>;
  /** Prunes `moved`, one piece; resolves to whether there is more. */
  prune(upTo: number): Promise<boolean>;
  /** Reads as one that begins with what the database has, not with what is kept in memory. */
  read(after: number, types?: readonly string[]): Promise<string[]>;
}

function setupOf(database: Database): Setup {
  const teller = new Teller(database);
  const source = () =>
    logSource({ service: "shop", database, clock: systemClock(), random: seededRandom(1), log: silentLogger });
  return {
    database,
    async tell(...keys) {
      await database.write({ label: "tell" }, async (connection) => {
        const recorder = teller.recorder(connection);
        for (const id of keys) {
          const event = id === id.toUpperCase() ? shop.events.moved : shop.events.noted;
          await recorder.emit(event, { id, n: 1 });
        }
      });
      await source().head();
    },
    prune: (upTo) => database.write({ label: "prune" }, (connection) => pruneLog(connection, "moved", upTo, SPAN)),
    async read(after, types) {
      const request = { after, limit: 5_000, ...(types === undefined ? {} : { types: new Set(types) }) };
      const { events } = await source().read(request);
      return events.map(({ key, sequence, position }) => `${position} ${key}${sequence}`);
    },
  };
}

const cases: Readonly<Record<string, (setup: Setup) => Promise<void>>> = {
  async "deletes events of the type, up to the position"({ tell, prune, database }) {
    await tell("A", "b", "A", "B", "B", "c");
    assert.equal(await prune(4), false);
    const left = await database.read({ label: "left" }, (c) => readLog(c, "shop", { after: 0, limit: 10 }));
    assert.deepEqual(
      left.map(({ position }) => position),
      [2, 5, 6],
    );
  },

  async "tells a reader that wants what is gone, and nobody else"({ tell, prune, read }) {
    await tell("A", "b", "A", "B", "B", "c");
    await prune(4);
    for (const after of [0, 3]) {
      await assert.rejects(read(after), (error) => {
        assert.ok(EventsPruned.is(error));
        assert.deepEqual((error as { data?: unknown }).data, { service: "shop", after, pruned: 4 });
        return true;
      });
      await assert.rejects(read(after, ["moved", "noted"]), EventsPruned.is);
    }
    assert.deepEqual(await read(4), ["5 B2", "6 c1"]);
    assert.deepEqual(await read(0, ["noted"]), ["2 b1", "6 c1"]);
  },

  async "goes on with positions and sequences as if nothing had been deleted"({ tell, prune, read }) {
    await tell("A", "B", "A");
    await prune(100);
    await tell("A", "B", "C");
    assert.deepEqual(await read(2), ["3 A2", "4 A3", "5 B2", "6 C1"]);
    await prune(5);
    await tell("A", "B");
    assert.deepEqual(await read(5), ["6 C1", "7 A4", "8 B3"]);
  },

  async "never deletes the newest event"({ tell, prune, read }) {
    assert.equal(await prune(100), false);
    await tell("A", "A");
    assert.equal(await prune(100), false);
    assert.deepEqual(await read(1), ["2 A2"]);
  },

  async "does a bounded piece at a time, and says whether there is more"({ tell, prune, read }) {
    await tell(...Array.from({ length: 45 }, (_, index) => (index % 2 === 0 ? "A" : "b")));
    assert.deepEqual([await prune(41), await prune(41), await prune(41)], [true, true, false]);
    await assert.rejects(read(40), EventsPruned.is);
    assert.deepEqual(await read(41, ["moved"]), ["43 A22", "45 A23"]);
    assert.equal((await read(0, ["noted"])).length, 22);
  },

  async "does not go back when it is asked for less"({ tell, prune, read }) {
    await tell("A", "A", "A", "A");
    await prune(3);
    assert.equal(await prune(1), false);
    await assert.rejects(read(2), EventsPruned.is);
  },
};

/** Declares the suite. */
export function pruningConformance(name: string, make: () => Promise<PruningSubject>): void {
  void describe(name, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, async () => {
        const { database, close } = await make();
        try {
          await run(setupOf(database));
        } finally {
          await close();
        }
      });
    }
  });
}
