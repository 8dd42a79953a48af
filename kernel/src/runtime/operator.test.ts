/** What operators see and do: sagas, read models made anew, consumers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { command, contract, event, query, user } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { saga } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { statements } from "../store/mod.ts";
import { Host, defineSystem, implement, operatorService, subscribe } from "./mod.ts";

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
