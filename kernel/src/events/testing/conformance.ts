/** What every source of events, and every broker, must do: one suite each, run against all. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Broker,
  EVENT_BYTES_MAX,
  type EventBatch,
  type EventRecord,
  type EventSource,
  EventsPruned,
  type LogRun,
} from "../mod.ts";

/** A source, and how something is recorded in it. */
export interface SourceSubject {
  readonly source: EventSource;
  /** Records events of these types, in order, and tells the source; resolves when they can be read. */
  append(...types: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** A message as somebody might put it into a stream without the broker: its headers are as they should be. */
export interface Smuggled {
  readonly after: number;
  readonly upTo: number;
  readonly text: string;
}

/** A broker to be tried, and how to be rid of it. */
export interface BrokerSubject {
  readonly broker: Broker;
  /** The same stream as a host sees it that comes anew. */
  readonly anew?: () => Broker;
  /** Puts a message into the stream of "shop", behind the broker's back; only where streams hold texts. */
  readonly smuggle?: (message: Smuggled) => Promise<void>;
  /** How many messages it has told of as being no runs. */
  readonly foreign?: () => number;
  close(): Promise<void>;
}

/** Names of events that every subject can record. */
export const TYPES = ["moved", "noted"] as const;
const [MOVED, NOTED] = TYPES;

/** Reads on from a position until there is no more. What is given again is left out, as consumers do. */
async function readAll(source: EventSource, after = 0, limit = 100, types?: ReadonlySet<string>) {
  const events: EventRecord[] = [];
  let at = after;
  for (let more = true; more;) {
    const batch: EventBatch = await source.read({ after: at, limit, ...(types === undefined ? {} : { types }) });
    assert.ok(batch.upTo >= at, "it does not go back");
    assert.ok(!batch.more || batch.upTo > at, "where there is more, it goes on");
    let last = 0;
    for (const event of batch.events) {
      assert.ok(event.position > last && event.position <= batch.upTo, "in order, and not beyond");
      last = event.position;
      if (event.position > at) events.push(event);
    }
    ({ upTo: at, more } = batch);
  }
  return { events, upTo: at };
}

const positionsOf = (events: readonly EventRecord[]): number[] => events.map(({ position }) => position);

const sourceCases: Readonly<Record<string, (subject: SourceSubject) => Promise<void>>> = {
  async "gives nothing when nothing was recorded"({ source }) {
    assert.equal(await source.head(), 0);
    assert.deepEqual(await source.read({ after: 0, limit: 10 }), { events: [], upTo: 0, more: false });
  },

  async "gives everything that was recorded, in order, whatever the limit"({ source, append }) {
    await append(...Array.from({ length: 30 }, () => MOVED));
    await append(MOVED, NOTED);
    const whole = await readAll(source);
    assert.equal(whole.events.length, 32);
    assert.equal(whole.upTo, await source.head());
    assert.equal(whole.events.at(-1)?.position, whole.upTo);
    for (const limit of [1, 7, 31, 32, 33]) assert.deepEqual(await readAll(source, 0, limit), whole);
    for (const event of whole.events) assert.equal(event.service, source.service);
  },

  async "goes on after any position"({ source, append }) {
    await append(...Array.from({ length: 10 }, () => MOVED));
    const positions = positionsOf((await readAll(source)).events);
    for (const [index, after] of positions.entries()) {
      assert.deepEqual(positionsOf((await readAll(source, after, 3)).events), positions.slice(index + 1));
    }
    await append(NOTED);
    const { events } = await readAll(source, positions.at(-1));
    assert.deepEqual(
      events.map(({ type }) => type),
      [NOTED],
    );
  },

  async "does not go back for a reader that is ahead of it"({ source, append }) {
    await append(MOVED);
    const head = await source.head();
    const { upTo, more } = await source.read({ after: head + 5, limit: 10 });
    assert.deepEqual([upTo, more], [head + 5, false]);
  },

  async "gives the wanted types only, and goes past the others"({ source, append }) {
    await append(MOVED, NOTED, MOVED, NOTED, NOTED);
    for (const limit of [1, 2, 10]) {
      const noted = await readAll(source, 0, limit, new Set([NOTED]));
      assert.deepEqual(
        noted.events.map(({ type }) => type),
        [NOTED, NOTED, NOTED],
      );
      assert.equal(noted.upTo, await source.head());
      assert.deepEqual(await readAll(source, 0, limit, new Set()), { events: [], upTo: noted.upTo });
    }
  },

  async "gives each reader events of its own"({ source, append }) {
    await append(MOVED);
    const [first, second] = await Promise.all([1, 2].map(() => source.read({ after: 0, limit: 10 })));
    assert.deepEqual(first?.events, second?.events);
    Object.assign(first?.events[0]?.data ?? {}, { changed: true });
    assert.notDeepEqual(first?.events, second?.events);
    assert.deepEqual((await source.read({ after: 0, limit: 10 })).events, second?.events);
  },

  async "tells whoever listens that there may be something new, and what it tells of can be read"(subject) {
    const { source, append } = subject;
    const heard = new Promise<number>((resolve) => {
      source.onAppend(() => {
        void readAll(source).then(({ events }) => {
          if (events.length > 0) resolve(events.length);
        });
      });
    });
    await append(MOVED);
    assert.equal(await heard, 1);
  },

  async "tells each listener until it ends, and ending twice ends nobody else"({ source, append }) {
    const told = { a: 0, b: 0, c: 0 };
    const count = (name: keyof typeof told) => {
      let done: () => void = () => {};
      const listener = (): void => {
        told[name] += 1;
        done();
      };
      return { listener, next: () => new Promise<void>((resolve) => (done = resolve)) };
    };
    const [a, b, c] = [count("a"), count("b"), count("c")];
    const deaf = source.onAppend(a.listener);
    source.onAppend(b.listener);
    const first = Promise.all([a.next(), b.next()]);
    await append(MOVED);
    await first;
    deaf();
    const before = told.a;
    source.onAppend(c.listener);
    deaf();
    const second = Promise.all([b.next(), c.next()]);
    await append(MOVED);
    await second;
    assert.equal(told.a, before);
  },
};

/** Declares the suite for a source. `make` gives an empty one to each case. */
export function sourceConformance(name: string, make: () => Promise<SourceSubject>): void {
  void describe(`source of events: ${name}`, () => {
    for (const [title, run] of Object.entries(sourceCases)) {
      void test(title, async () => {
        const subject = await make();
        try {
          await run(subject);
        } finally {
          await subject.close();
        }
      });
    }
  });
}

/** An event as a log has it. */
export function eventAt(position: number, service = "shop", type: string = MOVED): EventRecord {
  const [key, sequence] = [`key ${position % 3}`, Math.ceil(position / 3)];
  const data = { text: `Zürich ${position}`, nothing: null, deep: { list: [position, "x"] } };
  const rest = { actor: { service: "desk", subject: "alice" }, trace: `00-${position}-01`, at: 1_750_000_000_000 };
  return { id: `${service} ${position}`, service, type, version: 2, key, sequence, position, data, ...rest };
}

/** A run of a log in which each position up to `upTo` has an event, but those left out. */
export function runOf(after: number, upTo: number, options: { service?: string; without?: number[] } = {}): LogRun {
  const { service = "shop", without = [] } = options;
  const all = Array.from({ length: upTo - after }, (_, index) => after + index + 1);
  const events = all.filter((position) => !without.includes(position)).map((position) => eventAt(position, service));
  return { service, after, upTo, events };
}

const brokerCases: Readonly<Record<string, (broker: Broker) => Promise<void>>> = {
  async "has nothing of a service that it was told nothing of"(broker) {
    assert.equal(await broker.head("shop"), 0);
    assert.deepEqual((await readAll(broker.source("shop"))).events, []);
  },

  async "keeps what it was given, as it is"(broker) {
    assert.equal(await broker.append(runOf(0, 3)), 3);
    assert.equal(await broker.append(runOf(3, 5)), 5);
    assert.equal(await broker.head("shop"), 5);
    assert.deepEqual((await readAll(broker.source("shop"))).events, runOf(0, 5).events);
  },

  async "takes runs whose positions have gaps, up to where they go"(broker) {
    assert.equal(await broker.append(runOf(0, 6, { without: [1, 4, 6] })), 6);
    assert.equal(await broker.append(runOf(6, 8, { without: [7, 8] })), 8);
    const { events, upTo } = await readAll(broker.source("shop"));
    assert.deepEqual([positionsOf(events), upTo], [[2, 3, 5], 8]);
  },

  async "leaves out what it has already"(broker) {
    await broker.append(runOf(0, 4));
    assert.equal(await broker.append(runOf(0, 4)), 4);
    assert.equal(await broker.append(runOf(1, 3)), 4);
    assert.equal(await broker.append(runOf(2, 6)), 6);
    assert.deepEqual((await readAll(broker.source("shop"))).events, runOf(0, 6).events);
  },

  async "adds nothing after a gap, and says up to where it has everything"(broker) {
    await broker.append(runOf(0, 2));
    assert.equal(await broker.append(runOf(3, 5)), 2);
    assert.deepEqual(positionsOf((await readAll(broker.source("shop"))).events), [1, 2]);
    assert.equal(await broker.append(runOf(2, 5)), 5);
  },

  async "keeps an event that is larger than most messages"(broker) {
    const run = runOf(0, 3);
    const large = {
      ...run,
      events: run.events.with(1, { ...eventAt(2), data: { text: "x".repeat(EVENT_BYTES_MAX) } }),
    };
    assert.equal(await broker.append(large), 3);
    assert.deepEqual((await readAll(broker.source("shop"))).events, large.events);
  },

  async "tells readers of what the log had no more when it was sent, and lets those pass who know it"(broker) {
    await broker.append(runOf(0, 2));
    assert.equal(await broker.append({ ...runOf(2, 7, { without: [3, 5] }), holes: { moved: 5, other: 900 } }), 7);
    await broker.append(runOf(7, 9));
    const source = broker.source("shop");
    const [first, types] = [await source.read({ after: 0, limit: 100 }), new Set([MOVED])];
    assert.deepEqual([positionsOf(first.events), first.upTo, first.more], [[1, 2], 2, true]);
    for (const after of [2, 4]) {
      await assert.rejects(source.read({ after, limit: 100, types, missed: 4 }), (error) => {
        assert.ok(EventsPruned.is(error));
        assert.deepEqual(error.data, { service: "shop", after, pruned: 5 });
        return true;
      });
    }
    const known = await source.read({ after: 2, limit: 3, types, missed: 5 });
    assert.deepEqual(
      [positionsOf(known.events).filter((position) => position > 2), known.holes],
      [[4, 6, 7], { moved: 5 }],
    );
    assert.deepEqual(positionsOf((await readAll(source, 5, 100, types)).events), [6, 7, 8, 9]);
    assert.equal((await readAll(source, 0, 100, new Set([NOTED]))).upTo, 9);
    assert.equal(await source.begin(types), 0, "it begins where its first run does");
  },

  async "keeps services apart"(broker) {
    await broker.append(runOf(0, 2));
    await broker.append(runOf(0, 3, { service: "other" }));
    assert.deepEqual([await broker.head("shop"), await broker.head("other")], [2, 3]);
    const { events } = await readAll(broker.source("other"));
    assert.deepEqual(events, runOf(0, 3, { service: "other" }).events);
  },

  async "comes to the same when runs overtake one another"(broker) {
    const runs = [runOf(0, 2), runOf(2, 4), runOf(0, 4), runOf(1, 5)];
    await Promise.all([...runs, ...runs.toReversed()].map((run) => broker.append(run)));
    await broker.append(runOf(await broker.head("shop"), 6));
    assert.deepEqual((await readAll(broker.source("shop"))).events, runOf(0, 6).events);
  },
};

/** Texts for a message that says it runs from 3 to 6, none of which can be read as a run of "shop". By what is wrong. */
export const UNREADABLE: Readonly<Record<string, string>> = {
  "no list": "junk",
  "no event in a line": "4 moved",
  "no position": `four moved ${JSON.stringify(eventAt(4))}`,
  "half an event": `4 moved ${JSON.stringify(eventAt(4)).slice(0, 40)}`,
  "half an event after a whole one": `4 moved ${JSON.stringify(eventAt(4))}\n5 moved {"id":`,
  "no object": "4 moved null",
  "an event without a name": '4 moved {"position":4}',
  "another position in the event": `4 moved ${JSON.stringify(eventAt(5))}`,
  "another type in the event": `4 noted ${JSON.stringify(eventAt(4))}`,
  "another's event": `4 moved ${JSON.stringify(eventAt(4, "other"))}`,
  "an event from before": `3 moved ${JSON.stringify(eventAt(3))}`,
  "an event from beyond": `7 moved ${JSON.stringify(eventAt(7))}`,
  "events in another order": [5, 4].map((at) => `${at} moved ${JSON.stringify(eventAt(at))}`).join("\n"),
};

/** What else brokers must do whose streams hold texts, which somebody else might put there. */
async function goesPastUnreadable({ broker, anew, smuggle, foreign }: Required<BrokerSubject>): Promise<void> {
  await broker.append(runOf(0, 3));
  const source = broker.source("shop");
  const deaf = source.onAppend(() => {});
  assert.equal((await readAll(source)).upTo, 3);
  for (const text of Object.values(UNREADABLE)) await smuggle({ after: 3, upTo: 6, text });
  for (const one of [broker, anew()]) {
    assert.equal(await one.head("shop"), 3, "it does not have what nobody can read");
    assert.deepEqual((await readAll(one.source("shop"))).events, runOf(0, 3).events);
  }
  assert.equal(foreign(), Object.keys(UNREADABLE).length, "each was told of, once");
  // The log still has what they were to bring: the relay sends it, and it is heard in its order.
  assert.equal(await broker.append(runOf(3, 8)), 8);
  await smuggle({ after: 8, upTo: 9, text: "9 moved {" });
  assert.equal(await anew().append(runOf(8, 10)), 10);
  await heardUpTo(source, 10);
  for (const one of [source, anew().source("shop")]) {
    for (const after of [0, 2, 3, 5, 8, 9]) {
      assert.deepEqual((await readAll(one, after, 4)).events, runOf(after, 10).events);
    }
  }
  deaf();
}

/** Resolves when a source has a position. What another process added it may hear of a little later. */
async function heardUpTo(source: EventSource, position: number): Promise<void> {
  while ((await readAll(source)).upTo < position) await new Promise((resolve) => setImmediate(resolve));
}

/** How brokers are tried. */
export interface BrokerConformance {
  /** Whether their streams hold texts: then a subject can smuggle. */
  readonly hasTexts?: boolean;
}

/** Declares the suites for a broker: its own, and that of its sources. `make` gives an empty one to each case. */
export function brokerConformance(
  name: string,
  make: () => Promise<BrokerSubject>,
  { hasTexts = false }: BrokerConformance = {},
): void {
  void describe(`broker: ${name}`, () => {
    for (const [title, run] of Object.entries(brokerCases)) {
      void test(title, async () => {
        const subject = await make();
        try {
          await run(subject.broker);
        } finally {
          await subject.close();
        }
      });
    }
    if (!hasTexts) return;
    void test("goes past a message that says where it belongs and cannot be read; what it was to bring is brought", async () => {
      const subject = await make();
      try {
        await goesPastUnreadable(subject as Required<BrokerSubject>);
      } finally {
        await subject.close();
      }
    });
  });
  sourceConformance(`of the broker ${name}`, async () => {
    const { broker, close } = await make();
    return {
      source: broker.source("shop"),
      async append(...types) {
        const after = await broker.head("shop");
        const events = types.map((type, index) => eventAt(after + index + 1, "shop", type));
        await broker.append({ service: "shop", after, upTo: after + types.length, events });
      },
      close,
    };
  });
}
