/** Which reads may be answered from a copy of the database: those of queries that say so, when nobody decides by them. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { anyone, command, contract, query } from "../contract/mod.ts";
import { systemClock } from "../node/clock.ts";
import { sqliteStorage } from "../node/sqlite/mod.ts";
import { openWorld } from "../node/world.ts";
import { saga } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import type { Storage, TransactionOptions } from "../store/mod.ts";
import { type QueryContext, Host, defineSystem, implement } from "./mod.ts";

type None = Record<never, never>;
const none = t.object({});
const stock = contract("stock", {
  version: "1.0.0",
  queries: {
    list: query({ input: none, output: none, allow: [anyone], staleMaxMs: 5_000 }),
    kept: query({ input: none, output: none, allow: [anyone], staleMaxMs: 4_000, cache: { maxAgeMs: 60_000 } }),
    exact: query({ input: none, output: none, allow: [anyone] }),
  },
});
const page = contract("page", {
  version: "1.0.0",
  commands: {
    decide: command({ input: none, output: none, allow: [anyone] }),
    travel: command({ input: none, output: t.object({ sagaId: t.text() }), allow: [anyone] }),
  },
  queries: { show: query({ input: none, output: none, allow: [anyone], staleMaxMs: 1_000 }) },
});

const look = async (_: unknown, ctx: Pick<QueryContext<None>, "read">): Promise<None> =>
  ctx.read(({ connection }) => connection.all("SELECT 1")).then(() => ({}));
const stockService = implement()(stock, { commands: {}, queries: { list: look, kept: look, exact: look } });

const journey = saga<None, "stock">()("journey", {
  input: none,
  output: none,
  run: (s) => s.step("look", stock.list({})),
});
const pageService = implement()(page, {
  uses: [stock],
  commands: {
    async decide(_, ctx) {
      await ctx.read(({ connection }) => connection.all("SELECT 1"));
      await ctx.call(stock.list({}));
      await ctx.call(stock.kept({}));
      return ctx.transaction(() => Promise.resolve({}));
    },
    travel: (_, ctx) => ctx.transaction(async (tx) => ({ sagaId: await tx.start(journey as never, {}, "one") })),
  },
  queries: {
    async show(_, ctx) {
      await ctx.read(({ connection }) => connection.all("SELECT 1"));
      await ctx.call(stock.list({}));
      await ctx.call(stock.kept({}));
      return ctx.call(stock.exact({}));
    },
  },
  sagas: [journey as never],
});

/** How old what each operation reads may be, in the order of the reads. */
type Seen = [string, number | undefined][];

function listening(storage: Storage, seen: Seen): Storage {
  const heard = ({ label, staleMaxMs }: TransactionOptions): void => {
    if (/^(?:stock|page)\.(?:list|kept|exact|show|decide)$/.test(label)) seen.push([label, staleMaxMs]);
  };
  return {
    async open(service) {
      const database = await storage.open(service);
      const read: typeof database.read = (options, body) => {
        heard(options);
        return database.read(options, body);
      };
      return new Proxy(database, {
        get(target, name) {
          if (name === "read") return read;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    },
  };
}

async function started(context: TestContext): Promise<{ host: Host; seen: Seen }> {
  const seen: Seen = [];
  const open = openWorld({
    dataFolder: ":memory:",
    storage: listening(sqliteStorage({ folder: ":memory:", clock: systemClock() }), seen),
    log: silentLogger,
  });
  const system = defineSystem({ name: "stale", services: [stockService, pageService], roles: {} });
  const host = await Host.start({ system, world: open.world });
  context.after(async () => {
    await host.stop();
    open.close();
  });
  return { host, seen };
}

test("what a client asks may be as old as each query on the way allows", async (context) => {
  const { host, seen } = await started(context);
  await host.invoke({ service: "page", operation: "show", input: {} });
  assert.deepEqual(seen, [
    ["page.show", 1_000],
    ["stock.list", 5_000],
    ["stock.kept", 4_000],
    ["stock.exact", undefined],
  ]);
});

test("what a command or a saga asks for is the newest, also where an older answer is kept", async (context) => {
  const { host, seen } = await started(context);
  await host.invoke({ service: "page", operation: "show", input: {} });
  seen.length = 0;
  await host.invoke({ service: "page", operation: "decide", input: {} });
  assert.deepEqual(seen, [
    ["page.decide", undefined],
    ["stock.list", undefined],
    ["stock.kept", undefined],
  ]);
  seen.length = 0;
  await host.invoke({ service: "page", operation: "travel", input: {} });
  await host.idle();
  assert.deepEqual(seen, [["stock.list", undefined]]);
});
