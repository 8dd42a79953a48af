/** The relay: what is in the log gets to the broker, whatever goes wrong on the way. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../std/mod.ts";
import { Unreachable } from "../transport/mod.ts";
import { Relay } from "./mod.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { Hearer, Teller, drive, settle, shop } from "./testing/setup.ts";

const lost = (): Error => Unreachable.with({ service: "broker", reason: "test" });

async function setup(context: TestContext, teller?: Teller) {
  const told = teller ?? (await Teller.open());
  const { clock, random, source } = told;
  const broker = new MemoryBroker();
  const relay = new Relay({ source, broker, clock, random, log: silentLogger, checkMs: 10_000 });
  context.after(() => relay.stop());
  /** Runs until the broker has everything that is in the log. */
  const caughtUp = async (): Promise<void> => {
    const head = await source.head();
    await drive(
      clock,
      until(async () => (await broker.head("shop")) === head),
    );
  };
  const tell = (...ns: number[]): Promise<void> => told.tell(...ns.map((n) => ({ id: "a", n })));
  return { teller: told, clock, source, broker, relay, caughtUp, tell };
}

/** Resolves when a condition holds; it is looked at between turns of the event loop. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

const numbersIn = async (broker: MemoryBroker): Promise<number[]> => {
  const { events } = await broker.source("shop").read({ after: 0, limit: 10_000 });
  return events.map(({ data }) => (data as { n: number }).n);
};

test("brings what is in the log, in order, and then what comes", async (context) => {
  const { relay, broker, tell, caughtUp, source } = await setup(context);
  await tell(1, 2, 3);
  relay.start();
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), [1, 2, 3]);
  const sent = broker.appended.length;
  await tell(4);
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), [1, 2, 3, 4]);
  assert.equal(broker.appended.length, sent + 1, "what it has is not sent again");
  const batch = await source.read({ after: 0, limit: 10 });
  assert.deepEqual((await broker.source("shop").read({ after: 0, limit: 10 })).events, batch.events);
});

test("brings more than fits into one run, without gap or repeat", async (context) => {
  const { relay, broker, tell, caughtUp } = await setup(context);
  const numbers = Array.from({ length: 1_000 }, (_, index) => index);
  await tell(...numbers);
  relay.start();
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), numbers);
  assert.ok(broker.appended.length >= 4);
  assert.ok(broker.appended.every(({ events }) => events.length <= 256));
});

test("goes on from where the broker stands, not from where it stood itself", async (context) => {
  const { relay, teller, broker, tell, caughtUp } = await setup(context);
  await tell(1, 2, 3);
  relay.start();
  await caughtUp();
  await relay.stop();
  await tell(4);
  const { clock, random, source } = teller;
  const next = new Relay({ source, broker, clock, random, log: silentLogger });
  context.after(() => next.stop());
  const before = broker.appended.length;
  next.start();
  await caughtUp();
  assert.deepEqual(
    broker.appended.slice(before).map(({ after, upTo }) => [after, upTo]),
    [[3, 4]],
  );
});

test("sends again what was not acknowledged, and does not hurry", async (context) => {
  const { relay, broker, clock, tell, caughtUp } = await setup(context);
  let failures = 0;
  broker.beforeAppend = async () => {
    failures += 1;
    if (failures <= 3) throw lost();
  };
  const start = clock.now();
  await tell(1, 2);
  relay.start();
  await caughtUp();
  assert.equal(failures, 4);
  // Three pauses of 200 ms on average, each between a half and one and a half of it.
  assert.ok(clock.now() - start >= 300, String(clock.now() - start));
  assert.deepEqual(await numbersIn(broker), [1, 2]);
});

test("tells once of a broker that does not answer for long, measures that, and tells when it is over", async (context) => {
  const { teller, broker, clock, tell, caughtUp } = await setup(context);
  const { random, source } = teller;
  const said: string[] = [];
  const log = {
    ...silentLogger,
    warn: (text: string, about?: Readonly<Record<string, unknown>>) => said.push(`${text} ${String(about?.["code"])}`),
    info: (text: string) => said.push(text),
  };
  const relay = new Relay({ source, broker, clock, random, log });
  context.after(() => relay.stop());
  const away = async (): Promise<never> => {
    throw lost();
  };
  const last = (ms: number): Promise<void> => {
    const end = clock.now() + ms;
    return drive(
      clock,
      until(() => clock.now() >= end),
    );
  };
  broker.beforeHead = away;
  await tell(1);
  relay.start();
  await last(5_000);
  assert.deepEqual(said, []);
  await last(60_000);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /cannot be brought.* transport\/unreachable$/);
  assert.ok(relay.failingMs > 60_000);
  broker.beforeHead = async () => {};
  await caughtUp();
  await drive(
    clock,
    until(() => said.length === 2),
  );
  assert.match(said[1] ?? "", /again/);
  assert.equal(relay.failingMs, 0);
});

test("sends nothing twice into the broker when its acknowledgement was lost", async (context) => {
  const { relay, broker, tell, caughtUp } = await setup(context);
  let losses = 0;
  broker.afterAppend = async () => {
    losses += 1;
    if (losses <= 2) throw lost();
  };
  await tell(1, 2);
  relay.start();
  await caughtUp();
  await tell(3);
  await caughtUp();
  assert.ok(losses >= 2);
  assert.deepEqual(await numbersIn(broker), [1, 2, 3]);
});

test("asks again where the broker stands when it could not", async (context) => {
  const { relay, broker, tell, caughtUp } = await setup(context);
  let asked = 0;
  broker.beforeHead = async () => {
    asked += 1;
    if (asked === 1) throw lost();
  };
  await tell(1);
  relay.start();
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), [1]);
});

test("heals a broker that forgot what it had acknowledged, also when nothing new comes", async (context) => {
  const { relay, broker, clock, tell, caughtUp } = await setup(context);
  await tell(1, 2, 3, 4);
  relay.start();
  await caughtUp();
  broker.forget("shop", 2);
  assert.deepEqual(broker.positions("shop"), [1, 2]);
  const start = clock.now();
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), [1, 2, 3, 4]);
  assert.ok(clock.now() - start <= 15_100, "with its next look");
  broker.forget("shop", 0);
  await tell(5);
  await caughtUp();
  assert.deepEqual(await numbersIn(broker), [1, 2, 3, 4, 5]);
});

test("leaves no gap when the broker forgets while a run is on its way", async (context) => {
  const { relay, broker, tell, caughtUp } = await setup(context);
  await tell(1, 2, 3);
  relay.start();
  await caughtUp();
  let isFirst = true;
  broker.beforeAppend = async () => {
    if (isFirst) broker.forget("shop", 1);
    isFirst = false;
  };
  await tell(4);
  await caughtUp();
  assert.equal(isFirst, false);
  assert.deepEqual(await numbersIn(broker), [1, 2, 3, 4]);
});

test("stops when what is under way has ended, sends nothing then, and goes on when it is started again", async (context) => {
  const { relay, broker, clock, tell, caughtUp } = await setup(context);
  const go = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  broker.beforeAppend = () => {
    begun.resolve();
    return go.promise;
  };
  await tell(1);
  relay.start();
  relay.start();
  await drive(clock, begun.promise);
  const order: string[] = [];
  const stopped = relay.stop().then(() => order.push("stopped"));
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  order.push("released");
  go.resolve();
  await drive(clock, stopped);
  assert.deepEqual(order, ["released", "stopped"]);
  assert.deepEqual(broker.positions("shop"), [1]);
  await tell(2);
  await clock.advance(60_000);
  assert.deepEqual(broker.positions("shop"), [1]);
  assert.equal(clock.pending, 0);
  relay.start();
  await caughtUp();
  assert.deepEqual(broker.positions("shop"), [1, 2]);
  await relay.stop();
  assert.equal(clock.pending, 0, "it does not look any more");
});

/** Records events 1 to 20, brings them and has them heard; then the log is as it was at 15. */
async function restored(context: TestContext) {
  const before = await setup(context);
  const { broker, teller } = before;
  const hearer = await Hearer.open(teller);
  const consume = (): Promise<void> => settle(teller, hearer.consumer({ source: broker.source("shop") }));
  for (let n = 1; n <= 20; n += 1) await before.tell(n);
  before.relay.start();
  await before.caughtUp();
  await consume();
  assert.equal((await hearer.seen()).length, 20);
  const lose = (): Promise<unknown> =>
    teller.database.write({ label: "restore" }, (connection) =>
      connection.run("DELETE FROM isomer_log WHERE position > 15", []),
    );
  const told: string[] = [];
  const log = { ...silentLogger, error: (message: string) => void told.push(message) };
  /** What was heard after the loss. */
  const news = async (): Promise<number[]> => (await hearer.seen()).slice(20).map(({ n }) => n);
  return { ...before, lose, consume, news, told, log };
}

test("after a restore of the log, what it records at positions that were heard before is heard, too", async (context) => {
  const { teller, broker, relay, lose, consume, news, told, log } = await restored(context);
  await relay.stop();
  await lose();
  // Another process, as after a restore: nothing is remembered.
  const again = new Teller(teller.database, 99);
  await again.tell(...[101, 102, 103, 104, 105].map((n) => ({ id: "a", n })));
  const { clock, random, source } = again;
  const next = new Relay({ source, broker, clock, random, log, checkMs: 100 });
  context.after(() => next.stop());
  next.start();
  await drive(
    clock,
    until(async () => (await broker.head("shop")) === 25),
  );
  await consume();
  assert.deepEqual(await news(), [101, 102, 103, 104, 105]);
  assert.match(told[0] ?? "", /The log had lost events/);
  await again.tell({ id: "b", n: 106 });
  await drive(
    clock,
    until(async () => (await broker.head("shop")) === 26),
  );
  await consume();
  assert.deepEqual(await news(), [101, 102, 103, 104, 105, 106]);
  assert.equal(told.length, 1, "once");
});

test("a log that was restored and has nothing new yet is told of, and what comes is heard", async (context) => {
  const { teller, broker, relay, lose, consume, news, told, log } = await restored(context);
  await relay.stop();
  await lose();
  const again = new Teller(teller.database, 99);
  const { clock, random, source } = again;
  const next = new Relay({ source, broker, clock, random, log, checkMs: 10_000 });
  context.after(() => next.stop());
  next.start();
  await drive(
    clock,
    until(() => told.length > 0),
  );
  assert.match(told[0] ?? "", /events that the log lost/);
  // One after another, none of them waits for the next look that nobody asked for.
  for (let n = 101; n <= 110; n += 1) await again.tell({ id: "a", n });
  await drive(
    clock,
    until(async () => (await broker.source("shop").read({ after: 20, limit: 100 })).events.length === 10),
  );
  await consume();
  assert.deepEqual(await news(), [101, 102, 103, 104, 105, 106, 107, 108, 109, 110]);
});

test("a failover that lost the log's end while the relay runs leaves no event out", async (context) => {
  const { teller, broker, clock, tell, lose, consume, news } = await restored(context);
  await lose();
  // More than were lost, before anybody looks.
  await teller.database.write({ label: "tell" }, async (connection) => {
    const recorder = teller.recorder(connection);
    for (let n = 101; n <= 110; n += 1) await recorder.emit(shop.events.moved, { id: "a", n });
  });
  await tell(111);
  const brought = async (): Promise<number[]> =>
    (await broker.source("shop").read({ after: 20, limit: 100 })).events.map(({ data }) => (data as { n: number }).n);
  const expected = Array.from({ length: 11 }, (_, index) => 101 + index);
  await drive(
    clock,
    until(async () => (await brought()).length === expected.length),
  );
  assert.deepEqual(await brought(), expected);
  await consume();
  assert.deepEqual(await news(), expected);
});

test("brings events of all types, as they were recorded", async (context) => {
  const { relay, teller, broker, caughtUp } = await setup(context);
  await teller.database.write({ label: "tell" }, async (connection) => {
    const recorder = teller.recorder(connection);
    await recorder.emit(shop.events.moved, { id: "a", n: 1 });
    await recorder.emit(shop.events.noted, { id: "b", n: 2 });
  });
  teller.source.notify();
  relay.start();
  await caughtUp();
  const { events } = await broker.source("shop").read({ after: 0, limit: 10 });
  assert.deepEqual(
    events.map(({ type, key, sequence }) => [type, key, sequence]),
    [
      ["moved", "a", 1],
      ["noted", "b", 1],
    ],
  );
});

test("a stream that was rewound beyond the log's end is told of, with what helps", async (context) => {
  const { teller, clock, broker, tell } = await setup(context);
  await tell(1, 2, 3);
  await broker.append({ service: "shop", after: 0, upTo: 900, events: [] });
  const said: string[] = [];
  const log = { ...silentLogger, error: (text: string) => void said.push(text) };
  const relay = new Relay({ source: teller.source, broker, clock, random: teller.random, log, checkMs: 100 });
  context.after(() => relay.stop());
  relay.start();
  await drive(
    clock,
    until(() => said.length > 0),
  );
  assert.match(said.join(), /rewind the stream to a position of the log/);
});
