/** A broker that lost everything, and a log that has no more all of it: what is left is brought, and nobody is misled. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../std/mod.ts";
import { type Consumer, EventsExpired, EventsPruned, Relay, pruneLog } from "./mod.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { Hearer, Teller, drive, settle, shop } from "./testing/setup.ts";

async function setup(context: TestContext) {
  const teller = await Teller.open();
  const { clock, random, source, database } = teller;
  const broker = new MemoryBroker();
  const hearer = await Hearer.open(teller);
  const relay = new Relay({ source, broker, clock, random, log: silentLogger, checkMs: 200 });
  context.after(() => relay.stop());
  relay.start();
  const until = (holds: () => Promise<boolean> | boolean): Promise<void> =>
    drive(
      clock,
      (async () => {
        while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
      })(),
    );
  return {
    ...{ teller, hearer, broker, until },
    /** Each number is a position: odd ones have an event that is deleted some day, even ones another. */
    async tell(...numbers: readonly number[]) {
      await database.write({ label: "tell" }, async (connection) => {
        const recorder = teller.recorder(connection);
        for (const n of numbers)
          await recorder.emit(n % 2 === 1 ? shop.events.moved : shop.events.noted, { id: "a", n });
      });
      source.notify();
      await until(async () => (await broker.head("shop")) === (await source.head()));
    },
    async loseAllUpTo(position: number) {
      await database.write({ label: "prune" }, (connection) => pruneLog(connection, "moved", position));
      broker.forget("shop", 0);
      await until(async () => (await broker.head("shop")) === (await source.head()));
    },
    consumer: (): Consumer =>
      hearer.consumer({ source: broker.source("shop"), events: [shop.events.moved, shop.events.noted] }),
  };
}

test("a stream is filled again with what the log has left, and who begins then hears that", async (context) => {
  const { teller, hearer, broker, tell, loseAllUpTo, consumer } = await setup(context);
  await tell(1, 2, 3, 4, 5, 6);
  await loseAllUpTo(4);
  assert.deepEqual(broker.positions("shop"), [2, 4, 5, 6]);
  await settle(teller, consumer());
  assert.deepEqual(await hearer.seenOf("a"), [2, 4, 5, 6]);
});

test("who had begun, and finds a hole there, waits for an operator, now and after a start", async (context) => {
  const { teller, hearer, until, tell, loseAllUpTo, consumer } = await setup(context);
  await tell(1, 2);
  await settle(teller, consumer());
  await tell(3, 4, 5, 6);
  await loseAllUpTo(4);
  const again = consumer();
  for (const one of [consumer(), again]) {
    const stop = new AbortController();
    const running = one.run(stop.signal);
    await until(() => one.stuck !== undefined);
    assert.ok(EventsPruned.is(one.stuck));
    assert.deepEqual(one.stuck.data, { service: "shop", after: 2, pruned: 4 });
    assert.deepEqual(await hearer.seenOf("a"), [1, 2]);
    if (one === again) {
      assert.equal(await one.skip(), true);
      await drive(teller.clock, one.idle());
      assert.equal(one.stuck, undefined);
    }
    stop.abort();
    await drive(teller.clock, running);
  }
  assert.deepEqual(await hearer.seenOf("a"), [1, 2, 4, 5, 6]);
});

test("who is behind what the stream keeps goes on when it is filled, or where it begins when it is told to", async (context) => {
  const { teller, hearer, broker, until, tell } = await setup(context);
  await tell(1, 2, 3, 4);
  const source = broker.source("shop");
  const short = { first: 2 };
  const read: typeof source.read = async (request) => {
    const { first } = short;
    if (request.after < first) throw EventsExpired.with({ service: "shop", after: request.after, first });
    return source.read(request);
  };
  const begun = async (fill: (one: Consumer) => Promise<void>): Promise<void> => {
    const one = hearer.consumer({
      ...{ name: `hearer-${short.first}`, source: { ...source, read } },
      events: [shop.events.noted],
    });
    const stop = new AbortController();
    const running = one.run(stop.signal);
    await until(() => one.stuck !== undefined);
    assert.ok(EventsExpired.is(one.stuck));
    await fill(one);
    await drive(teller.clock, one.idle());
    assert.equal(one.stuck, undefined);
    stop.abort();
    await drive(teller.clock, running);
  };
  await begun(async (one) => assert.equal(await one.skip(), true));
  assert.deepEqual(await hearer.seenOf("a"), [4]);
  short.first = 3;
  await begun(async () => void (short.first = 0));
  assert.deepEqual(await hearer.seenOf("a"), [4, 2, 4]);
});
