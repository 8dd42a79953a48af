/**
 * Whatever becomes of a stream (runs of a late relay, runs that leave, a stream that is made anew, tidings that get lost),
 * what a reader gives has no gap, what it says is gone is gone, and in the end it is at the end.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { EventsExpired } from "./broker-faults.ts";
import { type KeptRun, RunReader, type RunStore } from "./run-reader.ts";
import { eventAt } from "./testing/conformance.ts";

/** A stream that brokers might have. */
class Stream implements RunStore {
  readonly service = "shop";
  runs: KeptRun[] = [];
  /** Where the log ends: whatever is lost here is there. */
  log = 0;
  place = 0;
  isHeard = true;
  #listener: ((run: KeptRun | undefined) => void) | undefined;

  get head(): number {
    return Math.max(0, ...this.runs.map((run) => run.upTo));
  }

  add(after: number, upTo: number): void {
    this.place += 1;
    const positions = Array.from({ length: upTo - after }, (_, index) => after + index + 1);
    const events = positions.map((position) => ({ position, type: "moved", text: JSON.stringify(eventAt(position)) }));
    const run = { place: this.place, after, upTo, events, bytes: 100 };
    this.runs.push(run);
    this.log = Math.max(this.log, upTo);
    if (this.isHeard) this.#listener?.(run);
  }

  /** Some may have been missed, and that is told. */
  connect(): void {
    this.isHeard = true;
    this.#listener?.(undefined);
  }

  range(place: number, count: number): Promise<readonly KeptRun[]> {
    return Promise.resolve(this.runs.filter((run) => run.place >= place).slice(0, count));
  }

  last(): Promise<KeptRun | undefined> {
    return Promise.resolve(this.runs.findLast((run) => run.upTo === this.head));
  }

  follow(listener: (run: KeptRun | undefined) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }
}

/** What may happen to it; `n` and `m` say how much. */
const happenings: Readonly<Record<string, (stream: Stream, n: number, m: number) => void>> = {
  add: (stream, n) => stream.add(stream.head, stream.head + n),
  /** A relay that was paused adds what is there. */
  late(stream, n, m) {
    const upTo = stream.head - m;
    if (upTo - n > (stream.runs[0]?.after ?? 0)) stream.add(upTo - n, upTo);
  },
  /** A message that is no run. */
  hole: (stream) => void (stream.place += 1),
  /** The oldest leave. */
  trim: (stream, n) => void stream.runs.splice(0, Math.min(n, stream.runs.length - 1)),
  /** It was lost, and is filled again from the log; it counts on, or from the beginning. */
  anew(stream, n, m) {
    stream.runs = [];
    if (m > 3) stream.place = 0;
    for (let from = 0; from < stream.log; from += n + 1) stream.add(from, Math.min(stream.log, from + n + 1));
  },
  away: (stream) => void (stream.isHeard = false),
  back: (stream) => stream.connect(),
};

const amount = fc.nat(7);
const steps = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(happenings), "add", "add", "read", "read", "read", "wait"), amount, amount),
  {
    maxLength: 60,
  },
);

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Reads on from a position, and checks what it is given; resolves to where it goes on. */
async function readOn(reader: RunReader, stream: Stream, after: number, limit: number): Promise<number> {
  try {
    const { events, upTo } = await reader.read({ after, limit });
    const fresh = events.map(({ position }) => position).filter((position) => position > after);
    assert.deepEqual(
      fresh,
      Array.from({ length: upTo - after }, (_, index) => after + index + 1),
    );
    return upTo;
  } catch (error) {
    if (!EventsExpired.is(error)) throw error;
    // What only a late run has, behind others that go further, is not looked for: it is told of, not passed over.
    const end = stream.runs.find((run) => run.upTo > after)?.place ?? 0;
    const isThere = stream.runs.some((run) => run.place <= end && run.after <= after && after < run.upTo);
    assert.ok(!isThere && error.data.first > after, `${after} is there`);
    return error.data.first;
  }
}

test("whatever becomes of a stream, its readers miss nothing that it has, and get to its end", async () => {
  const life = fc.asyncProperty(steps, fc.integer({ min: 1, max: 600 }), async (happened, keptBytesMax) => {
    const [stream, clock] = [new Stream(), new ManualClock()];
    const reader = new RunReader({ store: stream, clock, random: seededRandom(1), keptBytesMax });
    reader.onAppend(() => {});
    await settled();
    const at: [number, number] = [0, 0];
    for (const [what, n, m] of happened) {
      const who = m % 2 === 0 ? 0 : 1;
      if (what === "read") at[who] = await readOn(reader, stream, at[who], n + 1);
      else if (what === "wait") await clock.advance(2_000);
      else happenings[what]?.(stream, n, m);
      await settled();
    }
    stream.connect();
    await clock.advance(2_000);
    await settled();
    for (let place of at) {
      for (let tries = 0; tries < 300 && place < stream.head; tries += 1)
        place = await readOn(reader, stream, place, 5);
      assert.ok(place >= stream.head, `it stays at ${place} of ${stream.head}`);
    }
    reader.close();
  });
  await fc.assert(life, { numRuns: 1_000 });
});
