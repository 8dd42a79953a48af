/** Events that are not kept for ever: deleted when they are old, published and heard, and told of when they are missed. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { contract, event } from "../contract/mod.ts";
import { EventsPruned, readLog } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { openWorld } from "../node/world.ts";
import { defineAggregate } from "../sourcing/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { Host, defineSystem, implement, subscribe } from "./mod.ts";
import { DAY_MS, Entry, meter, meterService } from "./testing/meter.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

/** Hears the meter, unless told to fail. */
function displayService(state: { fails: boolean; resets: number }) {
  const hear = (): Promise<void> => (state.fails ? Promise.reject(new Error("not now")) : Promise.resolve());
  return implement()(contract("display", { version: "1.0.0" }), {
    commands: {},
    queries: {},
    on: [subscribe()(meter.events.sampled, hear)],
    projections: [
      {
        name: "latest",
        on: [subscribe()(meter.events.sampled, async () => {})],
        reset: async () => void (state.resets += 1),
      },
    ],
  });
}

async function started(context: TestContext, broker?: MemoryBroker) {
  const state = { fails: false, resets: 0, shiftMs: 0 };
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const shared = sharedStorage({ clock: open.world.clock });
  const clock = Object.assign(Object.create(open.world.clock) as typeof open.world.clock, {
    now: () => open.world.clock.now() + state.shiftMs,
  });
  const host = await Host.start({
    system: defineSystem({ name: "metering", services: [meterService, displayService(state)], roles: {} }),
    world: { ...open.world, clock, storage: shared.storage },
    jobs: false,
    ...(broker === undefined
      ? {}
      : { elsewhere: { transport: { send: () => assert.fail("everything is placed here") }, broker } }),
  });
  context.after(async () => {
    await host.stop();
    await shared.close();
    open.close();
  });
  const left = async (): Promise<string[]> => {
    const log = host.databases().get("meter") ?? assert.fail();
    const events = await log.read({ label: "left" }, (c) => readLog(c, "meter", { after: 0, limit: 100 }));
    return events.map(({ position, type }) => `${position} ${type}`);
  };
  return {
    ...{ host, state, left },
    sample: (id: string) => host.invoke({ service: "meter", operation: "read", input: { id } }),
    prune: () => host.runJob("meter", "isomer.prune-log"),
    /** Consumers keep where they are now and then, and when they rest. */
    async cursorsAreKept() {
      for (const hearing of host.hearings) {
        await hearing.stop();
        hearing.start();
      }
    },
  };
}

test("events are deleted when their time is over, others stay, and who wants all of them is told", async (context) => {
  const { host, state, sample, prune, left, cursorsAreKept } = await started(context);
  await sample("a");
  await host.idle();
  await cursorsAreKept();
  await prune();
  assert.deepEqual(await left(), ["1 sampled", "2 billed"]);
  state.shiftMs = DAY_MS + 60_000;
  await sample("b");
  await host.idle();
  await cursorsAreKept();
  await prune();
  assert.deepEqual(await left(), ["2 billed", "3 sampled", "4 billed"]);
  await assert.rejects(host.rebuild("display", "latest"), EventsPruned.is);
  assert.equal(state.resets, 0);
});

test("what a subscriber has not handled stays, however old it is", async (context) => {
  const { state, host, sample, prune, left, cursorsAreKept } = await started(context);
  state.fails = true;
  await sample("a");
  state.shiftMs = 2 * DAY_MS;
  await sample("b");
  await cursorsAreKept();
  await prune();
  assert.deepEqual(await left(), ["1 sampled", "2 billed", "3 sampled", "4 billed"]);
  state.fails = false;
  await host.idle();
  await cursorsAreKept();
  await prune();
  assert.deepEqual(await left(), ["2 billed", "3 sampled", "4 billed"]);
});

test("what the broker has not got stays, however old it is", async (context) => {
  const broker = new MemoryBroker();
  const away = Promise.reject(new Error("the broker is away"));
  away.catch(() => {});
  broker.beforeAppend = () => away;
  const { host, state, sample, prune, left, cursorsAreKept } = await started(context, broker);
  await sample("a");
  state.shiftMs = 2 * DAY_MS;
  await sample("b");
  await host.idle();
  await cursorsAreKept();
  await prune();
  assert.equal((await left()).length, 4);
  broker.beforeAppend = async () => {};
  while ((await broker.head("meter")) < 4) await new Promise((resolve) => setImmediate(resolve));
  await prune();
  assert.deepEqual(await left(), ["2 billed", "3 sampled", "4 billed"]);
});

test("events with the key of an aggregate must be kept", async () => {
  const events = {
    opened: event({ key: "id", data: Entry }),
    touched: event({ key: "id", data: Entry, keepMs: DAY_MS }),
  };
  const file = contract("file", { version: "1.0.0", events });
  const make = (of: object) => () =>
    defineAggregate({ name: "file", events: of as never, initial: {}, decide: () => [], evolve: (state) => state });
  assert.throws(make({ touched: file.events.touched }), /touched, which must be kept/);
  make({ opened: file.events.opened })();
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const services = [implement()(file, { commands: {}, queries: {} })];
  const system = defineSystem({ name: "files", services, roles: {} });
  await assert.rejects(Host.start({ system, world: open.world }), /"touched" has the key of an aggregate/);
  open.close();
});

test("events stay for a day at least", () => {
  assert.throws(() => event({ key: "id", data: Entry, keepMs: 60_000 }), /for a day at least/);
});
