/**
 * A small system in two builds, as they follow one another in a deployment. The second has a column more, which the first
 * does not know, and says so in its answers, events and sagas; services hand rows on as they read them.
 */
import { anyone, command, contract, event, http, query, services } from "../../contract/mod.ts";
import { type FleetApp, defineFleet } from "../../node/fleet-host/mod.ts";
import { defineSystem, implement, subscribe } from "../../runtime/mod.ts";
import { saga, signal } from "../../saga/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Migration, statements } from "../../store/mod.ts";

/** Which build. */
export type Build = 1 | 2;

interface StockTables {
  item: { id: string; name: string; shelf: string };
}
interface DeskTables {
  heard: { id: string; times: number };
  kept: { id: string };
}

const STOCK: readonly Migration[] = [
  { name: "0001_item", sql: "CREATE TABLE item (id TEXT PRIMARY KEY, name TEXT NOT NULL, shelf TEXT NOT NULL)" },
  { name: "0002_place", sql: "ALTER TABLE item ADD COLUMN place TEXT NOT NULL DEFAULT 'cellar'" },
];
const DESK: readonly Migration[] = [
  { name: "0001_heard", sql: "CREATE TABLE heard (id TEXT PRIMARY KEY, times BIGINT NOT NULL)" },
  { name: "0002_kept", sql: "CREATE TABLE kept (id TEXT PRIMARY KEY)" },
];

const stockSql = statements<StockTables>();
const addItem = stockSql((db, p: StockTables["item"]) => db.insertInto("item").values(p).returningAll());
const itemOf = stockSql((db, p: { id: string }) => db.selectFrom("item").selectAll().where("id", "=", p.id));
const deskSql = statements<DeskTables>();
const hear = deskSql((db, p: { id: string }) =>
  db
    .insertInto("heard")
    .values({ id: p.id, times: 1 })
    .onConflict((on) => on.column("id").doUpdateSet((eb) => ({ times: eb("heard.times", "+", 1) }))),
);
const keep = deskSql((db, p: { id: string }) => db.insertInto("kept").values(p));
const howManyKept = deskSql((db, _: object) =>
  db.selectFrom("kept").select((eb) => eb.fn.countAll<number>().as("kept")),
);
const howMuch = deskSql((db, _: object) =>
  db
    .selectFrom("heard")
    .select((eb) => [
      eb.fn.countAll<number>().as("items"),
      eb.fn.coalesce(eb.fn.sum<number>("times"), eb.lit(0)).as("times"),
    ]),
);

const KNOWN = { id: t.id(), name: t.text(), shelf: t.text() };
const Known = t.object(KNOWN);

function contractsOf(build: Build) {
  // Typed as the first build has it: rows are handed on as they were read.
  const Item: typeof Known = build === 1 ? Known : t.object({ ...KNOWN, place: t.optional(t.text()) });
  const Wanted = t.object({ name: t.text({ maxLength: 100 }) });
  const version = `1.${build}.0`;
  const stock = contract("stock", {
    version,
    commands: {
      add: command({ input: Wanted, output: Item, allow: [services("desk")] }),
      keep: command({ input: Item, output: Item, allow: [services("desk")] }),
    },
    queries: { item: query({ input: t.object({ id: t.id() }), output: Item, allow: [services("desk")] }) },
    events: { added: event({ key: "id", data: Item }) },
  });
  const desk = contract("desk", {
    version,
    commands: {
      add: command({ input: Wanted, output: Item, allow: [anyone], http: http("POST /v1/items", { status: 201 }) }),
    },
    queries: {
      item: query({
        input: t.object({ id: t.id() }),
        output: Item,
        allow: [anyone],
        http: http("GET /v1/items/:id"),
      }),
      heard: query({
        input: t.object({}),
        output: t.object({ items: t.integer(), times: t.integer(), kept: t.integer() }),
        allow: [anyone],
        http: http("GET /v1/heard"),
      }),
    },
  });
  return { stock, desk, Item };
}

type Contracts = ReturnType<typeof contractsOf>;

/** Keeps what was added, once it was heard of: all that is handed on comes out of the saga's tables. */
function storing({ stock, Item }: Contracts) {
  const heard = signal("heard", Item);
  const store = saga<DeskTables, "stock">()("store", {
    input: Item,
    output: Item,
    async run(s, item) {
      const kept = await s.step("keep", stock.keep(item), { undo: (found) => stock.keep(found ?? item) });
      const told = await s.wait("heard", heard, { timeoutMs: 600_000 });
      await s.step("keep on", stock.keep(kept));
      await s.pivot();
      await s.step("keep for good", stock.keep(told ?? kept));
      return item;
    },
    async settled(tx, { id }, { status }) {
      if (status === "completed") await tx.run(keep, { id });
    },
  });
  return { heard, store };
}

function stockOf(build: Build, { stock }: Contracts) {
  return implement<StockTables>()(stock, {
    database: { migrations: STOCK.slice(0, build) },
    commands: {
      add: ({ name }, ctx) =>
        ctx.transaction(async (tx) => {
          const [item] = await tx.all(addItem, { id: ctx.ids.next(), name, shelf: "top" });
          if (item === undefined) throw new Error("What was added is not there.");
          await tx.emit(stock.events.added, item);
          return item;
        }),
      keep: (item, ctx) => ctx.transaction(async () => item),
    },
    queries: {
      item: ({ id }, ctx) =>
        ctx.read(async (db) => {
          const item = await db.first(itemOf, { id });
          if (item === undefined) throw new Error(`There is no ${id}.`);
          return item;
        }),
    },
  });
}

function deskOf({ stock, desk }: Contracts, { heard, store }: ReturnType<typeof storing>) {
  return implement<DeskTables>()(desk, {
    uses: [stock],
    database: { migrations: DESK },
    sagas: [store],
    commands: {
      async add(wanted, ctx) {
        const item = await ctx.call(stock.add(wanted));
        return ctx.transaction(async (tx) => {
          await tx.start(store, item, item.id);
          return item;
        });
      },
    },
    queries: {
      item: (asked, ctx) => ctx.call(stock.item(asked)),
      heard: (_, ctx) =>
        ctx.read(async (db) => {
          const { items = 0, times = 0 } = (await db.first(howMuch, {})) ?? {};
          return { items, times, kept: (await db.first(howManyKept, {}))?.kept ?? 0 };
        }),
    },
    on: [
      subscribe<DeskTables>()(stock.events.added, async ({ data }, tx) => {
        await tx.run(hear, { id: data.id });
        await tx.signal(data.id, heard, data);
      }),
    ],
  });
}

/** The fleet of one build. */
export function pantry(build: Build): FleetApp {
  const contracts = contractsOf(build);
  const parts = [stockOf(build, contracts), deskOf(contracts, storing(contracts))];
  return defineFleet({
    system: defineSystem({ name: "Pantry", services: parts, roles: {} }),
    version: `1.${build}.0`,
    rates: { perAddress: 0, perIdentity: 0 },
  });
}
