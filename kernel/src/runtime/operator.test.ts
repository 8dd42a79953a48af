/** What operators see and do: sagas, read models made anew, consumers. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { command, contract, event, query, user } from "../contract/mod.ts";
import { BeyondLog, type Consumer } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { Hearer, Teller, settle } from "../events/testing/setup.ts";
import { openWorld } from "../node/world.ts";
import { saga } from "../saga/mod.ts";
import { Invalid, t } from "../schema/mod.ts";
import { Broken, silentLogger } from "../std/mod.ts";
import { statements } from "../store/mod.ts";
import type { HostView } from "./host-view.ts";
import { operatorActions } from "./operator-actions.ts";
import { LeaseLost } from "./faults.ts";
import { sharedStorage } from "./testing/shared-storage.ts";
import {
  type AskFleet,
  Host,
  type OperatorQuestion,
  OperatedElsewhere,
  askOperator,
  defineSystem,
  implement,
  operatorService,
  subscribe,
} from "./mod.ts";

const shelf = contract("shelf", {
  version: "1.0.0",
  commands: {
    put: command({ input: t.object({ book: t.text() }), output: t.object({}), allow: [user] }),
    lend: command({ input: t.object({ id: t.text() }), output: t.object({}), allow: [user] }),
  },
  queries: { count: query({ input: t.object({}), output: t.integer(), allow: [user] }) },
  events: { added: event({ key: "book", data: t.object({ book: t.text() }) }) },
});

interface Tables {
  tally: { name: string; count: number };
}
const sql = statements<Tables>();
const add = sql((db, p: { name: string; count: number }) =>
  db
    .insertInto("tally")
    .values(p)
    .onConflict((c) => c.column("name").doUpdateSet((eb) => ({ count: eb("tally.count", "+", p.count) }))),
);
const clear = sql((db, _: Record<never, never>) => db.deleteFrom("tally"));
const total = sql((db, _: Record<never, never>) => db.selectFrom("tally").select("count"));

const lending = saga<Tables, never>()("lending", {
  input: t.object({}),
  output: t.object({}),
  run: async (s) => {
    await s.sleep("loan", 3_600_000);
    return {};
  },
});

let weight = 1;
const service = implement<Tables>()(shelf, {
  database: {
    migrations: [{ name: "0001_tally", sql: "CREATE TABLE tally (name TEXT PRIMARY KEY, count BIGINT NOT NULL)" }],
  },
  commands: {
    put: ({ book }, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.emit(shelf.events.added, { book });
        return {};
      }),
    lend: ({ id }, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.start(lending, {}, id);
        return {};
      }),
  },
  queries: { count: (_, ctx) => ctx.read(async (db) => (await db.first(total, {}))?.count ?? 0) },
  projections: [
    {
      name: "tally",
      on: [
        subscribe<Tables>()(shelf.events.added, async (_, tx) => {
          await tx.run(add, { name: "books", count: weight });
        }),
      ],
      reset: async (tx) => {
        await tx.run(clear, {});
      },
    },
  ],
  sagas: [lending],
});

test("a read model is not emptied by a replica that does not lead any more, and does not know it yet", async (context) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const shared = sharedStorage({ clock: open.world.clock });
  const system = defineSystem({ name: "library", services: [service], roles: { reader: [] } });
  const world = { ...open.world, storage: shared.storage };
  // It looks at its lease again after minutes only.
  const host = await Host.start({ system, world, replica: "a", leaseMs: 1_000_000, jobs: false });
  context.after(async () => {
    await host.stop();
    await shared.close();
    open.close();
  });
  const identity = { subject: "olga", roles: ["reader"], guest: false };
  weight = 1;
  await host.invoke({ service: "shelf", operation: "put", input: { book: "a" }, identity });
  await host.idle();
  await host
    .databases()
    .get("shelf")
    ?.write({ label: "another leads" }, (connection) =>
      connection.run("UPDATE isomer_lease SET holder = 'b', token = token + 1"),
    );
  await assert.rejects(host.rebuild("shelf", "tally"), LeaseLost.is);
  assert.equal((await host.invoke({ service: "shelf", operation: "count", input: {}, identity })).output, 1);
});

test("operators rebuild read models, see and end sagas, and see who is behind", async () => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const roles = { operator: ["operator.manage"], reader: [] };
  const system = defineSystem({ name: "library", services: [service, operatorService()], roles });
  const host = await Host.start({ system, world: open.world, jobs: false });
  const call = async (role: string, service: string, operation: string, input: unknown) =>
    (await host.invoke({ service, operation, input, identity: { subject: "olga", roles: [role], guest: false } }))
      .output;
  const operate = (operation: string, input: unknown = {}) => call("operator", "operator", operation, input);
  try {
    for (const book of ["a", "b", "c"]) await call("reader", "shelf", "put", { book });
    await host.idle();
    assert.equal(await call("reader", "shelf", "count", {}), 3);

    weight = 10;
    assert.deepEqual(await operate("rebuild", { service: "shelf", projection: "tally" }), { done: true });
    await call("reader", "shelf", "put", { book: "d" });
    await host.idle();
    assert.equal(await call("reader", "shelf", "count", {}), 40, "the whole log was heard again, once");
    await assert.rejects(operate("rebuild", { service: "shelf", projection: "nope" }), { kind: "missing" });

    await call("reader", "shelf", "lend", { id: "loan-1" });
    await host.idle();
    const { items } = (await operate("sagas", { service: "shelf", status: "waiting" })) as {
      items: { sagaId: string }[];
    };
    assert.deepEqual(
      items.map(({ sagaId }) => sagaId),
      ["loan-1"],
    );
    await operate("abortSaga", { service: "shelf", sagaId: "loan-1" });
    await host.idle();
    const [ended] = ((await operate("sagas", { service: "shelf" })) as { items: { status: string }[] }).items;
    assert.equal(ended?.status, "compensated");

    await call("reader", "shelf", "lend", { id: "loan-2" });
    const page = (await operate("sagas", { service: "shelf", limit: 1 })) as { next?: string };
    assert.equal(page.next, "loan-1");
    const rest = await operate("sagas", { service: "shelf", limit: 1, after: page.next });
    assert.deepEqual(Object.keys(rest as object), ["items"], "the last page names no next one");

    const consumers = (await operate("consumers")) as {
      items: { consumer: string; lag: number; deadLetters: number }[];
    };
    assert.deepEqual(
      consumers.items.map(({ consumer, lag, deadLetters }) => [consumer, lag, deadLetters]),
      [["tally", 0, 0]],
    );
    assert.deepEqual(await operate("deadLetters"), { items: [] });
    await assert.rejects(call("reader", "operator", "deadLetters", {}), { code: "kernel/forbidden" });
  } finally {
    await host.stop();
    open.close();
  }
});

test("dead letters come in pages, in one order, until there are no more", async () => {
  const teller = await Teller.open();
  await teller.tell(...[1, 2, 3].map((n) => ({ id: "a", n })));
  const hearings: { service: string; consumer: Consumer }[] = [];
  // A slash in a name is a part of it.
  for (const [service, name] of [
    ["mail", "b"],
    ["mail", "a/x"],
    ["desk", "z"],
  ] as const) {
    const hearer = await Hearer.open(teller);
    const handle = () => Promise.reject(Broken.with(undefined));
    const consumer = hearer.consumer({ name, handle, limits: { attemptsMax: 1 } });
    await settle(teller, consumer);
    hearings.push({ service, consumer });
  }
  const { deadLetters } = operatorActions(() => ({ hearings }) as unknown as HostView);
  const names: string[] = [];
  for (let [after, more, pages] = [undefined as string | undefined, true, 0]; more; more = after !== undefined) {
    assert.ok((pages += 1) < 10);
    const page = await deadLetters({ limit: 2, ...(after === undefined ? {} : { after }) });
    assert.ok(page.items.length <= 2);
    names.push(...page.items.map(({ service, consumer, position }) => `${service} ${consumer} ${position}`));
    after = page.next;
  }
  assert.deepEqual(
    names,
    ["desk z", "mail a/x", "mail b"].flatMap((name) => [1, 2, 3].map((position) => `${name} ${position}`)),
  );
  for (const after of ["mail", "mail/b/shop/x", "a/b/c/1/2", "%/b/c/1"]) {
    await assert.rejects(deadLetters({ after }), { code: "kernel/invalid" }, after);
  }
});

const nowhere = { send: () => Promise.reject(new Error("nobody is there")) };

/** The operator's service in a host of its own; the other service is elsewhere. */
async function apart(context: TestContext, askFleet?: AskFleet) {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const roles = { operator: ["operator.manage"], reader: [] };
  const system = defineSystem({ name: "library", services: [service, operatorService()], roles });
  const elsewhere = {
    ...{ transport: nowhere, broker: new MemoryBroker() },
    ...(askFleet === undefined ? {} : { askFleet }),
  };
  const host = await Host.start({ system, world: open.world, jobs: false, place: ["operator"], elsewhere });
  context.after(async () => {
    await host.stop();
    open.close();
  });
  return async (operation: string, input: unknown, role = "operator") => {
    const identity = { subject: "olga", roles: [role], guest: false };
    return (await host.invoke({ service: "operator", operation, input, identity })).output;
  };
}

test("a subscriber's dead letters are counted with the source that they are of", async () => {
  const teller = await Teller.open();
  const hearer = await Hearer.open(teller);
  await teller.tell({ id: "a", n: 1 }, { id: "b", n: 2 });
  const options = { name: "hearer", limits: { attemptsMax: 1 }, handle: () => Promise.reject(Broken.with(undefined)) };
  const consumer = hearer.consumer(options);
  await settle(teller, consumer);
  const lag = (): Promise<number> => Promise.resolve(0);
  const stats = (): ReturnType<Consumer["stats"]> => consumer.stats();
  const { name, transact } = consumer;
  // The same subscriber, as far as it hears another service.
  const hearings = ["shop", "other"].map((service) => ({
    ...{ service: "desk", consumer: { name, source: { service }, transact, lag, stats } as unknown as Consumer },
  }));
  const { consumers } = operatorActions(() => ({ hearings }) as unknown as HostView);
  const { items } = await consumers({});
  assert.deepEqual(
    items.map((item) => [item.source, item.deadLetters]),
    [
      ["shop", 2],
      ["other", 0],
    ],
  );
});

test("apart from the others, and unable to ask them, the operator's service says whom it knows nothing of", async (context) => {
  const operate = await apart(context);
  for (const operation of ["deadLetters", "consumers"]) {
    const { items, unanswered } = (await operate(operation, {})) as Record<string, { from: string; code: string }[]>;
    assert.deepEqual(items, []);
    assert.deepEqual(
      unanswered?.map(({ from, code }) => [from, code]),
      [["shelf", "kernel/operated-elsewhere"]],
    );
  }
  await assert.rejects(operate("sagas", { service: "shelf" }), OperatedElsewhere.is);
  await assert.rejects(operate("rebuild", { service: "shelf", projection: "tally" }), OperatedElsewhere.is);
});

test("the operator's service asks the whole fleet where it can, for those only who may operate it", async (context) => {
  const asked: OperatorQuestion[] = [];
  const operate = await apart(context, async (question) => {
    asked.push(question);
    if (question.operation === "redrive") return { done: true };
    return { items: [], unanswered: [{ from: "orders-1", code: "fleet/no-answer", message: "It hangs." }] };
  });
  const letter = {
    service: "shelf",
    consumer: "tally",
    source: "shelf",
    eventId: "0197a3f0-0000-7000-8000-000000000000",
  };
  assert.deepEqual(await operate("deadLetters", { limit: 7 }), {
    items: [],
    unanswered: [{ from: "orders-1", code: "fleet/no-answer", message: "It hangs." }],
  });
  assert.deepEqual(await operate("redrive", letter), { done: true });
  assert.deepEqual(asked, [
    { operation: "deadLetters", input: { limit: 7 } },
    { operation: "redrive", service: "shelf", input: letter },
  ]);
  await assert.rejects(operate("deadLetters", {}, "reader"), { code: "kernel/forbidden" });
  await assert.rejects(operate("redrive", letter, "reader"), { code: "kernel/forbidden" });
  assert.equal(asked.length, 2, "nobody was asked for them");
});

test("a stream may begin again after a position that the log has, or a moment, and after nothing else", async (context) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const system = defineSystem({ name: "library", services: [service], roles: {} });
  const host = await Host.start({ system, world: open.world, jobs: false });
  context.after(async () => {
    await host.stop();
    open.close();
  });
  const identity = { subject: "olga", roles: [], guest: false };
  for (const book of ["a", "b", "c"]) {
    await host.invoke({ service: "shelf", operation: "put", input: { book }, identity });
  }
  const rewindTo = (input: object) => askOperator(host, "rewindTo", { service: "shelf", ...input });
  for (const position of [0, 2, 3]) assert.deepEqual(await rewindTo({ position }), { position });
  assert.deepEqual(await rewindTo({ sinceMs: 0 }), { position: 0 });
  assert.deepEqual(await rewindTo({ sinceMs: Number.MAX_SAFE_INTEGER }), { position: 3 });
  await assert.rejects(rewindTo({ position: 4 }), (error) => {
    assert.ok(BeyondLog.is(error));
    assert.deepEqual(error.data, { service: "shelf", position: 4, head: 3 });
    return true;
  });
  const wrong = [
    {},
    { position: -1 },
    { position: 1.5 },
    { position: "3" },
    { position: 1, sinceMs: 1 },
    { service: 7 },
  ];
  for (const input of wrong) await assert.rejects(rewindTo(input), Invalid.is, JSON.stringify(input));
});
