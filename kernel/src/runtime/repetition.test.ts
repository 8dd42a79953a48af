/** What repetitions meet: a first run that still runs, that committed unseen, or whose object is gone. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Identity, anyone, command, contract, fault, owner, query, services } from "../contract/mod.ts";
import { DeadlineExceeded } from "../guard/mod.ts";
import { openWorld } from "../node/world.ts";
import { t } from "../schema/mod.ts";
import { NotFound } from "../security/mod.ts";
import { type Fault, silentLogger } from "../std/mod.ts";
import { statements } from "../store/mod.ts";
import type { Reply } from "../transport/mod.ts";
import {
  CallInTransaction,
  type CommandContext,
  Host,
  KeyInFlight,
  KeyReused,
  Undeclared,
  defineSystem,
  implement,
} from "./mod.ts";
import { storageFor } from "./testing/storage.ts";

const Taken = fault("box/taken", { kind: "conflict", data: t.object({}), message: () => "It is there already." });
const Passing = fault("shelf/passing", { kind: "unavailable", data: t.object({}), message: () => "Not now." });
const Name = t.object({ name: t.text() });
const Count = t.object({ count: t.integer() });

const box = contract("box", {
  version: "1.0.0",
  commands: {
    put: command({
      input: Name,
      output: Count,
      faults: [Taken],
      allow: [anyone, services("shelf")],
      deadlineMs: 5_000,
    }),
    draft: command({ input: Name, output: Count, allow: [anyone], deadlineMs: 5_000 }),
    drop: command({ input: Name, output: Count, allow: [owner] }),
  },
  queries: { count: query({ input: t.object({}), output: Count, allow: [anyone] }) },
});
const shelf = contract("shelf", {
  version: "1.0.0",
  commands: {
    stack: command({ input: Name, output: Count, allow: [anyone] }),
    inside: command({ input: Name, output: Count, allow: [anyone] }),
  },
  queries: { stray: query({ input: Name, output: t.text(), allow: [anyone] }) },
});
const elsewhere = contract("elsewhere", {
  version: "1.0.0",
  queries: { any: query({ input: t.object({}), output: t.text(), allow: [anyone] }) },
});

interface Tables {
  thing: { name: string; owner: string };
}
const sql = statements<Tables>();
const add = sql((db, p: Tables["thing"]) => db.insertInto("thing").values(p));
const remove = sql((db, p: { name: string }) => db.deleteFrom("thing").where("name", "=", p.name));
const byName = sql((db, p: { name: string }) => db.selectFrom("thing").selectAll().where("name", "=", p.name));
const all = sql((db, _: Record<never, never>) => db.selectFrom("thing").selectAll());

type Ctx = CommandContext<Tables>;
const alice: Identity = { subject: "alice", roles: [], guest: false };
const bob: Identity = { subject: "bob", roles: [], guest: false };

/** What tests put in the way of handlers. */
const probe = {
  runs: 0,
  waits: [] as Promise<void>[],
  isStackBroken: false,
  slowAfter: false,
};

async function put({ name }: { name: string }, ctx: Ctx): Promise<{ count: number }> {
  probe.runs += 1;
  await probe.waits.shift();
  const found = await ctx.read((db) => db.first(byName, { name }));
  if (found !== undefined) throw Taken.with({});
  return ctx.transaction(async (tx) => {
    await tx.run(add, { name, owner: ctx.identity?.subject ?? "" });
    return { count: (await tx.all(all, {})).length };
  });
}

const boxService = implement<Tables>()(box, {
  database: { migrations: [{ name: "0001", sql: "CREATE TABLE thing (name TEXT PRIMARY KEY, owner TEXT NOT NULL)" }] },
  commands: {
    put,
    draft: put,
    drop: ({ name }, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.run(remove, { name });
        return { count: (await tx.all(all, {})).length };
      }),
  },
  queries: { count: (_, ctx) => ctx.read(async (db) => ({ count: (await db.all(all, {})).length })) },
  owners: { drop: async ({ name }, db) => (await db.first(byName, { name }))?.owner },
  incomplete: ["draft"],
  after: {
    put: (output, ctx) =>
      probe.slowAfter
        ? new Promise((resolve) => ctx.signal.addEventListener("abort", () => resolve({ count: -1 })))
        : Promise.resolve(output),
    draft: ({ count }, ctx) =>
      probe.slowAfter
        ? new Promise((resolve) => ctx.signal.addEventListener("abort", () => resolve({ count: -1 })))
        : Promise.resolve({ count: count + 1_000 }),
  },
});

const shelfService = implement<Tables>()(shelf, {
  uses: [box],
  commands: {
    stack: async ({ name }, ctx) => {
      if (probe.isStackBroken) await ctx.call(box.count({}));
      const { count } = await ctx.call(box.put({ name }));
      if (probe.isStackBroken) throw Passing.with({});
      return ctx.transaction(() => Promise.resolve({ count }));
    },
    inside: ({ name: what }, ctx) =>
      ctx.transaction(async () => {
        if (what === "read") await ctx.read(() => Promise.resolve());
        if (what === "saga") await ctx.saga("any");
        if (what === "mail") await ctx.mail?.send({} as never);
        if (what === "fetch") await ctx.fetch({ method: "GET", url: "http://elsewhere.test" });
        return { count: 0 };
      }),
  },
  queries: {
    stray: async ({ name: how }, ctx) => {
      const stray = elsewhere.any({}) as never;
      if (how === "attempt") return (await ctx.attempt(stray)).ok ? "answered" : "degraded";
      let promise: Promise<string>;
      try {
        promise = ctx.call(stray);
      } catch {
        return "thrown";
      }
      return promise.then(
        () => "answered",
        () => "rejected",
      );
    },
  },
});

const storage = await storageFor("box", "shelf", "elsewhere");
const open = openWorld({ dataFolder: ":memory:", log: silentLogger, ...storage });
let host: Host;
before(async () => {
  const elsewhereService = implement()(elsewhere, { commands: {}, queries: { any: () => Promise.resolve("") } });
  const system = defineSystem({ name: "boxes", services: [boxService, shelfService, elsewhereService], roles: {} });
  const mail = { send: () => Promise.resolve() };
  host = await Host.start({ system, world: { ...open.world, mail }, jobs: false });
});
after(async () => {
  await host.stop();
  open.close();
});
beforeEach(() => {
  Object.assign(probe, { runs: 0, waits: [], isStackBroken: false, slowAfter: false });
});

interface How {
  readonly key: string;
  readonly deadlineMs?: number;
  readonly identity?: Identity;
  readonly attempt?: number;
}

/** A call as another service makes it. */
function asService(name: string, { key, deadlineMs = 2_000, attempt = 1 }: How): Promise<Reply> {
  return host.transport.send({
    service: "box",
    operation: "put",
    input: { name },
    key,
    clientKey: false,
    attempt,
    deadlineAt: open.world.clock.monotonicMs() + deadlineMs,
    caller: "shelf",
    identity: undefined,
    trace: undefined,
    criticality: "normal",
    signal: undefined,
  });
}

/** A call as a client makes it. */
function asClient(operation: string, name: string, how: How): Promise<Reply> {
  return host.invoke({ service: "box", operation, input: { name }, ...how });
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  return promise.then(
    () => assert.fail("expected a fault"),
    (error: unknown) => error as Fault,
  );
}

/** Resolves when so many handlers of `put` have begun. */
async function begun(runs: number): Promise<void> {
  while (probe.runs < runs) await new Promise((resolve) => setImmediate(resolve));
}

describe("two runs at once", () => {
  test("a service's repetition waits for the first, and runs nothing", async () => {
    const gate = Promise.withResolvers<void>();
    probe.waits = [gate.promise];
    const first = asService("joined", { key: "j1" });
    const second = asService("joined", { key: "j1", attempt: 2 });
    gate.resolve();
    assert.deepEqual([(await first).replayed, (await second).replayed], [false, true]);
    assert.equal(probe.runs, 1);
  });

  test("it is not handed the answer to another input", async () => {
    const gate = Promise.withResolvers<void>();
    probe.waits = [gate.promise];
    const first = asService("mine", { key: "j2" });
    const second = faultOf(asService("other", { key: "j2" }));
    gate.resolve();
    await first;
    assert.ok(KeyReused.is(await second));
  });

  test("it does not wait longer than its own deadline", async () => {
    const gate = Promise.withResolvers<void>();
    probe.waits = [gate.promise];
    const first = asService("patient", { key: "j3" });
    assert.ok(DeadlineExceeded.is(await faultOf(asService("patient", { key: "j3", deadlineMs: 20 }))));
    gate.resolve();
    assert.equal((await first).replayed, false);
  });

  test("a client's is refused, whatever its input", async () => {
    const gate = Promise.withResolvers<void>();
    probe.waits = [gate.promise];
    const first = asClient("put", "flight", { key: "j4" });
    assert.ok(KeyInFlight.is(await faultOf(asClient("put", "flight", { key: "j4" }))));
    gate.resolve();
    await first;
  });
});

/** Hides the record of a key, or shows it again: as if it were being committed by another run. */
async function move(from: string, to: string): Promise<void> {
  const database = host.runner("box").database;
  await database.write({ label: "test" }, (connection) =>
    connection.run("UPDATE isomer_idempotency SET key = ? WHERE key = ?", [to, from]),
  );
}

describe("a first run that commits while a repetition is under way", () => {
  for (const [who, send] of [
    ["client", (how: How) => asClient("put", "echo-client", how)],
    ["service", (how: How) => asService("echo-service", how)],
  ] as const) {
    test(`is the answer to a ${who}'s repetition, which found its effect there and refused`, async () => {
      const key = `e-${who}`;
      const { output } = await send({ key });
      await move(key, "hidden");
      const gate = Promise.withResolvers<void>();
      probe.waits = [gate.promise];
      const again = send({ key });
      await begun(2);
      await move("hidden", key);
      gate.resolve();
      assert.deepEqual(await again, { output, replayed: true });
    });
  }

  test("a refusal that nothing is recorded for stays one, also when it is repeated", async () => {
    await asClient("put", "there", { key: "r1" });
    assert.ok(Taken.is(await faultOf(asClient("put", "there", { key: "r2" }))));
    const runs = probe.runs;
    assert.ok(Taken.is(await faultOf(asClient("put", "there", { key: "r2" }))));
    assert.equal(probe.runs, runs, "the second refusal comes from the record");
  });
});

describe("a first attempt that arrives when a repetition of it is over already", () => {
  const remove = (name: string): Promise<number> =>
    host.runner("box").database.write({ label: "test" }, (c) => c.run("DELETE FROM thing WHERE name = ?", [name]));
  const isThere = async (name: string): Promise<boolean> => {
    const find = "SELECT name FROM thing WHERE name = ?";
    return (await host.runner("box").database.read({ label: "test" }, (c) => c.all(find, [name]))).length > 0;
  };

  test("has no effect, and the same answer", async () => {
    const { output } = await asService("late", { key: "l1", attempt: 2 });
    // So that nothing in the body stops it: only the record can.
    await remove("late");
    assert.deepEqual(await asService("late", { key: "l1", attempt: 1 }), { output, replayed: true });
    assert.equal(probe.runs, 2);
    assert.equal(await isThere("late"), false);
  });

  test("is refused with another input, and has no effect", async () => {
    await asService("one", { key: "l2", attempt: 2 });
    assert.ok(KeyReused.is(await faultOf(asService("another", { key: "l2", attempt: 1 }))));
    assert.equal(await isThere("another"), false);
  });
});

describe("a command that takes its object away", () => {
  test("is repeated by its owner, who gets the same answer; others learn nothing", async () => {
    await asClient("put", "gone", { key: "d1", identity: alice });
    const dropped = await asClient("drop", "gone", { key: "d2", identity: alice });
    const again = await asClient("drop", "gone", { key: "d2", identity: alice });
    assert.deepEqual([again.output, again.replayed], [dropped.output, true]);
    assert.equal((await faultOf(asClient("drop", "gone", { key: "d2", identity: bob }))).kind, "invalid");
    assert.ok(NotFound.is(await faultOf(asClient("drop", "gone", { key: "d3", identity: alice }))));
  });
});

describe("what comes after the commit", () => {
  test("does not turn a success into a doubt: out of time, the answer is what was committed", async () => {
    probe.slowAfter = true;
    const { output } = await asClient("put", "after", { key: "a1", deadlineMs: 50 });
    assert.ok((output as { count: number }).count > 0);
  });

  test("is not left out where the committed answer says nothing by itself: the repetition gets it", async () => {
    probe.slowAfter = true;
    const draft = (deadlineMs: number) => asClient("draft", "drafted", { key: "a2", deadlineMs });
    assert.ok(DeadlineExceeded.is(await faultOf(draft(50))));
    probe.slowAfter = false;
    const { output, replayed } = await draft(2_000);
    assert.ok((output as { count: number }).count > 1_000);
    assert.equal(replayed, true);
  });
});

describe("calls of a handler", () => {
  for (const what of ["read", "saga", "mail", "fetch"]) {
    test(`do not leave an open transaction by ${what}`, async () => {
      const asked = host.invoke({ service: "shelf", operation: "inside", input: { name: what }, deadlineMs: 300 });
      assert.ok(CallInTransaction.is(await faultOf(asked)));
    });
  }

  test("have the same keys when it runs again, though it asked more or less in between", async () => {
    const stack = () => host.invoke({ service: "shelf", operation: "stack", input: { name: "stacked" }, key: "s1" });
    probe.isStackBroken = true;
    assert.ok(Passing.is(await faultOf(stack())));
    probe.isStackBroken = false;
    assert.equal((await stack()).replayed, false);
    assert.equal(probe.runs, 1, "the box was asked once, and answered the repetition from its record");
  });

  test("reject rather than throw", async () => {
    const { output } = await host.invoke({ service: "shelf", operation: "stray", input: { name: "call" } });
    assert.equal(output, "rejected");
  });

  test("that are mistakes are not done without", async () => {
    const asked = host.invoke({ service: "shelf", operation: "stray", input: { name: "attempt" } });
    assert.ok(Undeclared.is(await faultOf(asked)));
  });
});
