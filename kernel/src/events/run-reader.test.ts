/** What a reader remembers of a stream, against a stream that was lost and is filled again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { EventsExpired } from "./broker-faults.ts";
import { type KeptRun, RunReader, type RunStore } from "./run-reader.ts";

/** A stream of runs that end at these positions, one place after another. */
class Runs implements RunStore {
  readonly service = "shop";
  #runs: readonly KeptRun[] = [];
  #listener: ((run: KeptRun | undefined) => void) | undefined;

  /** Makes the stream anew; who follows learns that it may have missed some. */
  become(...ends: readonly number[]): void {
    this.#runs = ends.map((upTo, n) => ({ place: n + 1, after: ends[n - 1] ?? 0, upTo, events: [], bytes: 1 }));
    this.#listener?.(undefined);
  }

  /** Loses its oldest runs. */
  forget(count: number): void {
    this.#runs = this.#runs.slice(count);
  }

  range(place: number, count: number): Promise<readonly KeptRun[]> {
    return Promise.resolve(this.#runs.filter((run) => run.place >= place).slice(0, count));
  }

  last(): Promise<KeptRun | undefined> {
    return Promise.resolve(this.#runs.at(-1));
  }

  follow(listener: (run: KeptRun | undefined) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }
}

for (const [name, ends] of Object.entries({
  "as long as it was": [50, 80],
  longer: [20, 50, 60, 80],
  shorter: [80],
}))
  test(`a stream that is made anew, and is ${name}, is read to its end`, async () => {
    const store = new Runs();
    const clock = new ManualClock();
    const reader = new RunReader({ store, clock, random: seededRandom(1) });
    store.become(10, 50);
    const looked = Promise.withResolvers<void>();
    const told: (() => void)[] = [looked.resolve];
    reader.onAppend(() => told.forEach((one) => one()));
    await looked.promise;
    assert.equal((await reader.read({ after: 0, limit: 100 })).upTo, 50);
    assert.equal((await reader.read({ after: 50, limit: 100 })).upTo, 50);

    const again = Promise.withResolvers<void>();
    told.push(again.resolve);
    store.become(...ends);
    await again.promise;
    assert.equal((await reader.read({ after: 50, limit: 100 })).upTo, 80);
    reader.close();
  });

test("a stream that is filled again with other runs, while nobody could hear of it, has nothing missing", async () => {
  const store = new Runs();
  const clock = new ManualClock();
  const reader = new RunReader({ store, clock, random: seededRandom(1) });
  const looked = Promise.withResolvers<void>();
  store.become(100, 130, 140);
  reader.onAppend(() => looked.resolve());
  await looked.promise;
  assert.equal((await reader.read({ after: 0, limit: 100 })).upTo, 140);
  // What was at these places joined on to what it had read; what is there now does not.
  store.become(100, 140, 150, 160, 170);
  assert.equal((await reader.read({ after: 140, limit: 100 })).upTo, 170);
  // What is really gone is told.
  store.become(100, 150, 160, 170);
  store.forget(2);
  await assert.rejects(reader.read({ after: 120, limit: 100 }), (error) => {
    assert.ok(EventsExpired.is(error));
    assert.deepEqual(error.data, { service: "shop", after: 120, first: 150 });
    return true;
  });
  reader.close();
});
