/** Promise 2: every event takes effect once in each subscriber, in order within its key, whatever fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Consumer, ConsumerOptions } from "./consumer.ts";
import { resetConsumer } from "./replay.ts";
import { Hearer, type Seen, Teller, drive, see, settle } from "./testing/setup.ts";

/** What happens to the attempts at an event, one after another; afterwards it works. */
type Mishap = "fails before" | "fails after" | "commit unknown" | "crash after commit";

const mishap = fc.constantFrom<Mishap>("fails before", "fails after", "commit unknown", "crash after commit");
const told = fc.record({
  id: fc.constantFrom("a", "b", "c", "d"),
  mishaps: fc.array(mishap, { maxLength: 3 }),
});

class Crashing {
  readonly #hearer: Hearer;
  readonly #mishaps: ReadonlyMap<string, Mishap[]>;
  readonly #limits = { batchMax: 4, unfinishedMax: 8, attemptsMax: 100, cursorEveryMs: 30 };

  constructor(hearer: Hearer, mishaps: ReadonlyMap<string, Mishap[]>) {
    this.#hearer = hearer;
    this.#mishaps = mishaps;
  }

  /** Runs one incarnation after another, until one gets to the end. */
  async run(): Promise<void> {
    const { clock } = this.#hearer.teller;
    for (;;) {
      const crash = Promise.withResolvers<"crash">();
      const state = { crashed: false };
      const consumer = this.#incarnation(state, () => crash.resolve("crash"));
      void consumer.run(new AbortController().signal);
      const end = await drive(clock, Promise.race([crash.promise, consumer.idle().then(() => "idle" as const)]));
      state.crashed = true;
      if (end === "idle") return;
    }
  }

  #incarnation(state: { crashed: boolean }, crash: () => void): Consumer {
    const gone = new Promise<never>(() => {});
    const options: Partial<ConsumerOptions> = {
      limits: this.#limits,
      handle: async (event, connection) => {
        const next = this.#mishaps.get(event.id)?.[0];
        if (next === "fails before") throw this.#done(event.id);
        await see(event, connection);
        if (next === "fails after") throw this.#done(event.id);
      },
      transact: async (label, body, event) => {
        if (state.crashed) return gone;
        const result = await this.#hearer.transact(label, body);
        const next = event === undefined ? undefined : this.#mishaps.get(event.id)?.[0];
        if (event !== undefined && next === "commit unknown") throw this.#done(event.id);
        if (event !== undefined && next === "crash after commit") {
          this.#done(event.id);
          state.crashed = true;
          crash();
        }
        return state.crashed ? gone : result;
      },
    };
    return this.#hearer.consumer(options);
  }

  #done(id: string): Error {
    return new Error(this.#mishaps.get(id)?.shift());
  }
}

test("each event takes effect once, in order within its key, through failures and crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(told, { maxLength: 25 }), async (events) => {
      const teller = await Teller.open();
      const hearer = await Hearer.open(teller);
      await teller.tell(...events.map(({ id }, n) => ({ id, n })));
      const { events: stored } = await teller.source.read({ after: 0, limit: 100 });
      const mishaps = new Map(stored.map((event, index) => [event.id, [...(events[index]?.mishaps ?? [])]]));
      await new Crashing(hearer, mishaps).run();
      for (const id of ["a", "b", "c", "d"]) {
        const expected = events.flatMap((one, n) => (one.id === id ? [n] : []));
        assert.deepEqual(await hearer.seenOf(id), expected);
      }
    }),
    { numRuns: 40 },
  );
});

test("a replay makes the same projection as live delivery did, and goes on live", async () => {
  const batch = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c"), n: fc.nat() }), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 5 }), batch, async (batches, later) => {
      const teller = await Teller.open();
      const hearer = await Hearer.open(teller);
      for (const one of batches) {
        await teller.tell(...one);
        await settle(teller, hearer.consumer());
      }
      const live = byKey(await hearer.seen());
      await hearer.database.write({ label: "rebuild" }, async (connection) => {
        await connection.run("DELETE FROM seen");
        await resetConsumer(connection, "hearer");
      });
      await settle(teller, hearer.consumer());
      assert.deepEqual(byKey(await hearer.seen()), live);
      await teller.tell(...later);
      await settle(teller, hearer.consumer());
      assert.deepEqual(byKey(await hearer.seen()), byKey([...batches.flat(), ...later]));
    }),
    { numRuns: 15 },
  );
});

/** What took effect for each key, in order. The order between keys is not promised. */
function byKey(seen: readonly Seen[]): Record<string, number[]> {
  const keys: Record<string, number[]> = { a: [], b: [], c: [] };
  for (const { id, n } of seen) keys[id]?.push(n);
  return keys;
}
