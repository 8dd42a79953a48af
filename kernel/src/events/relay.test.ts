/** The relay: what is in the log gets to the broker, whatever goes wrong on the way. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../std/mod.ts";
import { Unreachable } from "../transport/mod.ts";
import { Relay } from "./mod.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { Teller, drive, shop } from "./testing/setup.ts";

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
