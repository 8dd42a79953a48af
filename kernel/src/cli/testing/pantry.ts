/**
 * A small system in two builds, as they follow one another in a deployment. The second has a column more, which the first
 * does not know, and says so in its answers and events; services hand rows on as they read them.
 */
import { anyone, command, contract, event, http, query, services } from "../../contract/mod.ts";
import { type FleetApp, defineFleet } from "../../node/fleet-host/mod.ts";
import { defineSystem, implement, subscribe } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Migration, statements } from "../../store/mod.ts";

/** Which build. */
export type Build = 1 | 2;

interface StockTables {
  item: { id: string; name: string; shelf: string };
}
interface DeskTables {
  heard: { id: string; times: number };
}

const STOCK: readonly Migration[] = [
  { name: "0001_item", sql: "CREATE TABLE item (id TEXT PRIMARY KEY, name TEXT NOT NULL, shelf TEXT NOT NULL)" },
  { name: "0002_place", sql: "ALTER TABLE item ADD COLUMN place TEXT NOT NULL DEFAULT 'cellar'" },
];
const DESK: readonly Migration[] = [
  { name: "0001_heard", sql: "CREATE TABLE heard (id TEXT PRIMARY KEY, times BIGINT NOT NULL)" },
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
    commands: { add: command({ input: Wanted, output: Item, allow: [services("desk")] }) },
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
        output: t.object({ items: t.integer(), times: t.integer() }),
        allow: [anyone],
        http: http("GET /v1/heard"),
      }),
    },
  });
  return { stock, desk };
}

/** The fleet of one build. */
export function pantry(build: Build): FleetApp {
  const { stock, desk } = contractsOf(build);
  const stockService = implement<StockTables>()(stock, {
    database: { migrations: STOCK.slice(0, build) },
    commands: {
      add: ({ name }, ctx) =>
        ctx.transaction(async (tx) => {
          const [item] = await tx.all(addItem, { id: ctx.ids.next(), name, shelf: "top" });
          if (item === undefined) throw new Error("What was added is not there.");
          await tx.emit(stock.events.added, item);
          return item;
        }),
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
  const deskService = implement<DeskTables>()(desk, {
    uses: [stock],
    database: { migrations: DESK },
    commands: {
      async add(wanted, ctx) {
        const item = await ctx.call(stock.add(wanted));
        return ctx.transaction(async () => item);
      },
    },
    queries: {
      item: (asked, ctx) => ctx.call(stock.item(asked)),
      heard: async (_, ctx) => (await ctx.read((db) => db.first(howMuch, {}))) ?? { items: 0, times: 0 },
    },
    on: [
      subscribe<DeskTables>()(stock.events.added, async ({ data }, tx) => void (await tx.run(hear, { id: data.id }))),
    ],
  });
  return defineFleet({
    system: defineSystem({ name: "Pantry", services: [stockService, deskService], roles: {} }),
    version: `1.${build}.0`,
    rates: { perAddress: 0, perIdentity: 0 },
  });
}
