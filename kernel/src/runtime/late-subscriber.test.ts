/** Subscribers of events that are not kept for ever: one that begins late, and one that was away for too long. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { contract } from "../contract/mod.ts";
import { readLog } from "../events/mod.ts";
import { openWorld } from "../node/world.ts";
import { type Logger, silentLogger } from "../std/mod.ts";
import { Host, type Service, askOperator, defineSystem, implement, subscribe } from "./mod.ts";
import { DAY_MS, meter, meterService } from "./testing/meter.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

/** A service that hears both events of the meter, and keeps what it heard here. */
function hearer(name: string, heard: string[]): Service {
  const hear =
    (what: string) =>
    async ({ data }: { readonly data: unknown }): Promise<void> =>
      void heard.push(`${what} ${(data as { id: string }).id}`);
  return implement()(contract(name, { version: "1.0.0" }), {
    commands: {},
    queries: {},
    on: [subscribe()(meter.events.sampled, hear("sampled")), subscribe()(meter.events.billed, hear("billed"))],
  }) as unknown as Service;
}

/** Hosts one after another, on the same databases. */
function metering(context: TestContext) {
  const state = { shiftMs: 0 };
  const said: string[] = [];
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const shared = sharedStorage({ clock: open.world.clock });
  const clock = Object.assign(Object.create(open.world.clock) as typeof open.world.clock, {
    now: () => open.world.clock.now() + state.shiftMs,
  });
  const say = (text: string): void => void said.push(text);
  const log: Logger = { ...silentLogger, warn: say, error: say, with: () => log };
  let host: Host | undefined;
  context.after(async () => {
    await host?.stop();
    await shared.close();
    open.close();
  });
  const now = (): Host => host ?? assert.fail("no host runs");
  return {
    ...{ state, said, now },
    async place(...services: readonly Service[]) {
      await host?.stop();
      const system = defineSystem({ name: "metering", services: [meterService, ...services], roles: {} });
      host = await Host.start({ system, world: { ...open.world, clock, log, storage: shared.storage }, jobs: false });
    },
    sample: (id: string) => now().invoke({ service: "meter", operation: "read", input: { id } }),
    /** Consumers keep where they are when they rest. */
    async prune() {
      for (const hearing of now().hearings) {
        await hearing.stop();
        hearing.start();
      }
      await now().runJob("meter", "isomer.prune-log");
    },
    async left(): Promise<string[]> {
      const database = now().databases().get("meter") ?? assert.fail();
      const events = await database.read({ label: "left" }, (c) => readLog(c, "meter", { after: 0, limit: 100 }));
      return events.map(({ position, type }) => `${position} ${type}`);
    },
  };
}

interface Seen {
  readonly consumer: string;
  readonly fault?: { readonly code: string; readonly message: string };
}

const consumersOf = async (host: Host): Promise<readonly Seen[]> =>
  ((await askOperator(host, "consumers", {})) as { readonly items: readonly Seen[] }).items;

test("a subscriber that begins after events were deleted hears all that is left, and pruning goes on", async (context) => {
  const { state, said, now, place, sample, prune, left } = metering(context);
  const [first, late]: [string[], string[]] = [[], []];
  await place(hearer("display", first));
  await sample("a");
  await now().idle();
  state.shiftMs = DAY_MS + 60_000;
  await sample("b");
  await now().idle();
  await prune();
  assert.deepEqual(await left(), ["2 billed", "3 sampled", "4 billed"]);

  await place(hearer("display", first), hearer("billing", late));
  await sample("c");
  await now().idle();
  assert.deepEqual(late.toSorted(), ["billed a", "billed b", "billed c", "sampled b", "sampled c"]);
  assert.equal(first.length, 6, "nobody hears anything twice");
  assert.equal(said.filter((text) => /were deleted.* what is left/.test(text)).length, 1, said.join("\n"));
  state.shiftMs += 2 * DAY_MS;
  await sample("d");
  await now().idle();
  await prune();
  assert.deepEqual(await left(), ["2 billed", "4 billed", "6 billed", "7 sampled", "8 billed"]);
});

test("a subscriber whose place in the log is gone says so, and goes on when an operator says so", async (context) => {
  const { state, said, now, place, sample, prune, left } = metering(context);
  const heard: string[] = [];
  await place(hearer("display", heard));
  await sample("a");
  await now().idle();
  await place();
  await sample("b");
  state.shiftMs = 2 * DAY_MS;
  await sample("c");
  await prune();
  assert.deepEqual(await left(), ["2 billed", "4 billed", "5 sampled", "6 billed"]);

  await place(hearer("display", heard));
  const isStuck = async (): Promise<boolean> => (await consumersOf(now())).some(({ fault }) => fault !== undefined);
  while (!(await isStuck())) await new Promise((resolve) => setImmediate(resolve));
  const [seen] = await consumersOf(now());
  assert.equal(seen?.fault?.code, "events/pruned");
  assert.match(seen.fault.message, /isomer skip/);
  assert.deepEqual(heard, ["sampled a", "billed a"]);
  assert.equal(said.filter((text) => /cannot go on/.test(text)).length, 1, said.join("\n"));

  const which = { service: "display", consumer: seen.consumer, source: "meter" };
  assert.deepEqual(await askOperator(now(), "skip", which), { done: true });
  await now().idle();
  assert.deepEqual(heard.slice(2).toSorted(), ["billed b", "billed c", "sampled c"]);
  assert.equal(await isStuck(), false);
  assert.deepEqual(await askOperator(now(), "skip", which), { done: false }, "it gives up nothing that can be heard");
  await sample("d");
  await now().idle();
  await place(hearer("display", heard));
  await now().idle();
  assert.equal(heard.length, 7, "it goes on from there after the next start, too");
});
