/** Two builds of one service on one database: what the one has recorded, the other recognises and goes on with. */
import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { anyone, command, contract, query, services } from "../contract/mod.ts";
import { systemClock } from "../node/clock.ts";
import { openWorld } from "../node/world.ts";
import { type SagaView, saga, signal } from "../saga/mod.ts";
import { type ObjectSchema, t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { Host, type Service, defineSystem, implement } from "./mod.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

interface Tables {
  run: { n: number };
}

/** Starts builds over the same databases: the first that starts leads, until it ends. */
function deployment(context: TestContext) {
  const { storage, close } = sharedStorage({ clock: systemClock() });
  context.after(close);
  return async (...parts: readonly Service[]): Promise<Host> => {
    const open = openWorld({ dataFolder: ":memory:", storage, log: silentLogger });
    const system = defineSystem({ name: "builds", services: parts, roles: {} });
    const host = await Host.start({ system, world: open.world, jobs: false });
    context.after(async () => {
      await host.stop();
      open.close();
    });
    return host;
  };
}

const KNOWN = { id: t.text(), name: t.text() };
const Known = t.object(KNOWN);
/** What a build knows of an item, and an item as it makes them. Typed as the first build has it: items are handed on. */
const itemOf = (build: 1 | 2): typeof Known =>
  build === 1 ? Known : t.object({ ...KNOWN, place: t.optional(t.text()) });
const made = (build: 1 | 2, id: string) => ({ id, name: "pan", ...(build === 1 ? {} : { place: "cellar" }) });

describe("a command that is repeated at another build", () => {
  const sent = { sku: "a", many: 1 };
  const INPUT = { sku: t.text(), many: t.integer() };

  function counter(input: ObjectSchema): Service {
    const counted = contract("counter", {
      version: "1.0.0",
      commands: { add: command({ input, output: t.object({ runs: t.integer() }), allow: [anyone] }) },
    });
    return implement<Tables>()(counted, {
      database: { migrations: [{ name: "0001_run", sql: "CREATE TABLE run (n BIGINT NOT NULL)" }] },
      commands: {
        add: (_, ctx) =>
          ctx.transaction(async ({ connection }) => {
            await connection.run("INSERT INTO run (n) VALUES (?)", [1]);
            return { runs: (await connection.all("SELECT n FROM run")).length };
          }),
      },
      queries: {},
    });
  }

  const CHANGES: Readonly<Record<string, ObjectSchema>> = {
    "lists its properties in another order": t.object({ many: t.integer(), sku: t.text() }),
    "does not require one any more": t.object({ sku: t.optional(t.text()), many: t.integer() }),
    "takes more, by keys of their own": t.object({ ...INPUT, tags: t.optional(t.record(t.text())) }),
    "fills in what is new": t.object({ ...INPUT, unit: t.optional(t.text({ default: "piece" })) }),
    "takes a secret": t.object({ ...INPUT, code: t.optional(t.secret(t.text())) }),
    "has made a secret of what was none": t.object({ ...INPUT, sku: t.secret(t.text()) }),
  };
  for (const [what, input] of Object.entries(CHANGES)) {
    test(`takes effect once, when that one's input ${what}`, async (context) => {
      const start = deployment(context);
      const [before, after] = [await start(counter(t.object(INPUT))), await start(counter(input))];
      const add = async (host: Host, key: string) =>
        (await host.invoke({ service: "counter", operation: "add", input: sent, key })).output;
      assert.deepEqual(await add(before, "old"), { runs: 1 });
      assert.deepEqual(await add(after, "old"), { runs: 1 }, "at the newer");
      assert.deepEqual(await add(after, "new"), { runs: 2 });
      assert.deepEqual(await add(before, "new"), { runs: 2 }, "at the older");
    });
  }
});

describe("an answer that a newer build has recorded", () => {
  const Add = t.object({ id: t.text() });

  /** `desk` hands on what `stock` answers, and loses its first own transaction. */
  function kitchen(build: 1 | 2, isUnlucky: boolean): readonly Service[] {
    const output = itemOf(build);
    const stock = contract("stock", {
      version: "1.0.0",
      commands: { add: command({ input: Add, output, allow: [services("desk")] }) },
    });
    const desk = contract("desk", {
      version: "1.0.0",
      commands: { add: command({ input: Add, output, allow: [anyone] }) },
    });
    return [
      implement()(stock, {
        commands: { add: ({ id }, ctx) => ctx.transaction(async () => made(build, id)) },
        queries: {},
      }),
      implement()(desk, {
        uses: [stock],
        commands: {
          async add(asked, ctx) {
            const item = await ctx.call(stock.add(asked));
            if (isUnlucky) throw new Error("The process ends here.");
            return ctx.transaction(async () => item);
          },
        },
        // As a service does that waits for a saga: it goes on with what was committed.
        after: { add: async (item) => ({ ...item }) },
        queries: {},
      }),
    ];
  }
  const add = (host: Host) => host.invoke({ service: "desk", operation: "add", input: { id: "a" }, key: "one" });

  test("is made newer by an older one without what that does not know", async (context) => {
    const start = deployment(context);
    assert.deepEqual((await add(await start(...kitchen(2, false)))).output, made(2, "a"));
    assert.deepEqual((await add(await start(...kitchen(1, false)))).output, made(1, "a"));
  });

  test("is given to an older caller beside it without what that does not know", async (context) => {
    const start = deployment(context);
    await assert.rejects(add(await start(...kitchen(2, true))));
    assert.deepEqual((await add(await start(...kitchen(1, false)))).output, made(1, "a"));
  });
});

describe("a saga that a newer build has a part in", () => {
  type From = "input" | "step" | "signal";
  const Id = t.object({ id: t.text() });

  /** The saga adds, waits for a word, and keeps and returns what it knows from one of three places. */
  function pantry(build: 1 | 2, from: From): readonly Service[] {
    const Item = itemOf(build);
    const [allow, transact] = [[services("desk")], { output: t.object({}), allow: [anyone] }];
    const stock = contract("stock", {
      version: "1.0.0",
      commands: {
        add: command({ input: Id, output: Item, allow }),
        keep: command({ input: Item, output: t.object({}), allow }),
      },
    });
    const desk = contract("desk", {
      version: "1.0.0",
      commands: { begin: command({ input: Id, ...transact }), tell: command({ input: Id, ...transact }) },
      queries: { saga: query({ input: Id, output: t.unknown(), allow: [anyone] }) },
    });
    const word = signal("word", Item);
    const store = saga<Tables, "stock">()("store", {
      input: Item,
      output: Item,
      async run(s, input) {
        const step = await s.step("add", stock.add({ id: input.id }), { undo: () => stock.keep(input) });
        const told = (await s.wait("told", word, { timeoutMs: 600_000 })) ?? step;
        const kept = { input, step, signal: told }[from];
        await s.step("keep", stock.keep(kept));
        return kept;
      },
    });
    return [
      implement()(stock, {
        commands: {
          add: ({ id }, ctx) => ctx.transaction(async () => made(build, id)),
          keep: (_, ctx) => ctx.transaction(async () => ({})),
        },
        queries: {},
      }),
      implement<Tables>()(desk, {
        uses: [stock],
        sagas: [store],
        commands: {
          begin: ({ id }, ctx) =>
            ctx.transaction(async (tx) => {
              await tx.start(store, made(build, id), id);
              return {};
            }),
          tell: ({ id }, ctx) =>
            ctx.transaction(async (tx) => {
              await tx.signal(id, word, made(build, id));
              return {};
            }),
        },
        queries: { saga: async ({ id }, ctx) => ctx.saga(id) },
      }),
    ];
  }

  const ask = async (host: Host, operation: string): Promise<unknown> =>
    (await host.invoke({ service: "desk", operation, input: { id: "a" } })).output;
  async function until(host: Host, ...wanted: readonly SagaView["status"][]): Promise<SagaView> {
    for (;;) {
      const view = (await ask(host, "saga")) as SagaView | undefined;
      if (view !== undefined && wanted.includes(view.status)) return view;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const over = ["completed", "compensated", "stuck"] as const;

  for (const from of ["input", "signal"] as const) {
    test(`goes on in an older one that leads, with its ${from}`, async (context) => {
      const start = deployment(context);
      const [older, newer] = [await start(...pantry(1, from)), await start(...pantry(2, from))];
      await ask(newer, "begin");
      await until(older, "waiting");
      await ask(newer, "tell");
      const { status, output, fault } = await until(older, ...over);
      assert.deepEqual({ status, output, fault }, { status: "completed", output: made(1, "a"), fault: undefined });
    });
  }

  test("goes on in an older one with what a step had answered, and ends as that knows it", async (context) => {
    const start = deployment(context);
    const newer = await start(...pantry(2, "step"));
    await ask(newer, "begin");
    await until(newer, "waiting");
    await newer.stop();
    const older = await start(...pantry(1, "step"));
    await ask(older, "tell");
    const { status, output, fault } = await until(older, ...over);
    assert.deepEqual({ status, output, fault }, { status: "completed", output: made(1, "a"), fault: undefined });
  });

  test("is seen by an older one as that knows it", async (context) => {
    const start = deployment(context);
    const [newer, older] = [await start(...pantry(2, "step")), await start(...pantry(1, "step"))];
    await ask(newer, "begin");
    await until(newer, "waiting");
    await ask(newer, "tell");
    assert.deepEqual((await until(newer, ...over)).output, made(2, "a"));
    assert.deepEqual((await until(older, ...over)).output, made(1, "a"));
  });
});
