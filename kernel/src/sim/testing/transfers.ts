/** A small system for tests and benchmarks of the simulation: money moves between accounts by sagas, in two versions. */
import { anyone, command, contract, query, services } from "../../contract/mod.ts";
import { type System, defineSystem, implement } from "../../runtime/mod.ts";
import { type Saga, saga } from "../../saga/mod.ts";
import { t } from "../../schema/mod.ts";
import { statements } from "../../store/mod.ts";
import { type Actor, actor } from "../actors.ts";
import { always, eventually, sometimes } from "../properties.ts";
import { type Simulation, simulation } from "../simulation.ts";

const Move = t.object({ from: t.text(), to: t.text(), amount: t.integer({ minimum: 1 }) });
const Entry = t.object({ account: t.text(), amount: t.integer() });
const Taking = t.object({ move: t.text(), account: t.text(), amount: t.integer() });
const Nothing = t.object({});

/** Books entries; balances may not go below zero. */
export const books = contract("books", {
  version: "1.0.0",
  commands: {
    add: command({ input: Entry, output: Nothing, allow: [services("teller")] }),
    take: command({ input: Taking, output: t.object({ taken: t.boolean() }), allow: [services("teller")] }),
    /** Gives back what was taken for a move, if it was; and if it was not yet, sees to it that it never will be. */
    giveBack: command({ input: Taking, output: Nothing, allow: [services("teller")] }),
    record: command({ input: Entry, output: Nothing, allow: [services("teller")] }),
  },
});

/** Moves money. */
export const teller = contract("teller", {
  version: "1.0.0",
  commands: { move: command({ input: Move, output: t.object({ id: t.text() }), allow: [anyone] }) },
  queries: { status: query({ input: t.object({ id: t.text() }), output: t.text(), allow: [anyone] }) },
});

interface Tables {
  account: { account: string; balance: number };
  taking: { move: string; returned: number };
  receipt: { account: string; amount: number };
}

const sql = statements<Tables>();
const add = sql((db, p: { account: string; amount: number }) =>
  db
    .insertInto("account")
    .values({ account: p.account, balance: p.amount })
    .onConflict((c) => c.column("account").doUpdateSet((eb) => ({ balance: eb("account.balance", "+", p.amount) }))),
);
const take = sql((db, p: { account: string; amount: number }) =>
  db
    .updateTable("account")
    .set((eb) => ({ balance: eb("balance", "-", p.amount) }))
    .where("account", "=", p.account)
    .where("balance", ">=", p.amount),
);
const noteTaking = sql((db, p: { move: string; returned: number }) =>
  db
    .insertInto("taking")
    .values(p)
    .onConflict((c) => c.doNothing()),
);
const noteReturn = sql((db, p: { move: string }) =>
  db.updateTable("taking").set({ returned: 1 }).where("move", "=", p.move).where("returned", "=", 0),
);
const receipt = sql((db, p: { account: string; amount: number }) => db.insertInto("receipt").values(p));

const MIGRATIONS = [
  {
    name: "0001_account",
    sql: `CREATE TABLE account (account TEXT PRIMARY KEY, balance BIGINT NOT NULL);
          CREATE TABLE taking (move TEXT PRIMARY KEY, returned BIGINT NOT NULL)`,
  },
];
const NEXT_MIGRATIONS = [
  ...MIGRATIONS,
  { name: "0002_receipt", sql: "CREATE TABLE receipt (account TEXT NOT NULL, amount BIGINT NOT NULL)" },
];

function booksService(isNext: boolean) {
  return implement<Tables>()(books, {
    database: { migrations: isNext ? NEXT_MIGRATIONS : MIGRATIONS },
    commands: {
      add: (entry, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.run(add, entry);
          return {};
        }),
      take: ({ move, ...entry }, ctx) =>
        ctx.transaction(async (tx) => {
          const taken = Number(await tx.run(take, entry)) === 1;
          // Where it was given back already, it came too late: nothing may be taken any more.
          const isNew = taken && Number(await tx.run(noteTaking, { move, returned: 0 })) === 1;
          if (taken && !isNew) await tx.run(add, entry);
          return { taken: isNew };
        }),
      giveBack: ({ move, ...entry }, ctx) =>
        ctx.transaction(async (tx) => {
          const isNew = Number(await tx.run(noteTaking, { move, returned: 1 })) === 1;
          if (!isNew && Number(await tx.run(noteReturn, { move })) === 1) await tx.run(add, entry);
          return {};
        }),
      record: (entry, ctx) =>
        ctx.transaction(async (tx) => {
          if (isNext) await tx.run(receipt, entry);
          return {};
        }),
    },
    queries: {},
  });
}

const first: Saga<{ from: string; to: string; amount: number }> = saga<Tables, "books">()("move", {
  input: Move,
  output: Nothing,
  run: async (s, { from, to, amount }) => {
    const what = { move: s.id, account: from, amount };
    const { taken } = await s.step("take", books.take(what), { undo: () => books.giveBack(what) });
    if (!taken) return {};
    await s.pivot();
    await s.step("give", books.add({ account: to, amount }));
    return {};
  },
});

/** The next version gives a receipt first. */
const second: typeof first = saga<Tables, "books">()("move", {
  version: 2,
  input: Move,
  output: Nothing,
  run: async (s, { from, to, amount }) => {
    const what = { move: s.id, account: from, amount };
    const { taken } = await s.step("take", books.take(what), { undo: () => books.giveBack(what) });
    if (!taken) return {};
    await s.pivot();
    await s.step("record", books.record({ account: from, amount }));
    await s.step("give", books.add({ account: to, amount }));
    return {};
  },
});

function tellerService(isNext: boolean) {
  return implement<Tables>()(teller, {
    uses: [books],
    commands: {
      move: (input, ctx) =>
        ctx.transaction(async (tx) => ({ id: await tx.start(isNext ? second : first, input, ctx.ids.next()) })),
    },
    queries: { status: async ({ id }, ctx) => (await ctx.saga(id))?.status ?? "unknown" },
    sagas: (isNext ? [first, second] : [first]) as never,
  });
}

/** The system, in its first version or its next. */
export function transfersSystem(isNext = false): System {
  return defineSystem({ name: "transfers", services: [booksService(isNext), tellerService(isNext)], roles: {} });
}

const ACCOUNTS = ["a", "b", "c"];
const EACH = 100;

function mover(name: string, moves: number): Actor {
  return actor(name, async function* (ctx) {
    for (let n = 0; n < moves; n += 1) {
      yield;
      const input = { from: ctx.pick(ACCOUNTS), to: ctx.pick(ACCOUNTS), amount: ctx.between(1, 60) };
      await ctx.call(teller.move(input), { key: `${name}-${n}` });
      ctx.note("money moves");
    }
  });
}

/** Moves between three accounts; nothing is made or lost. */
export function transfersSimulation(
  options: Partial<Simulation> & { actors?: never; moves?: number } = {},
): Simulation {
  const { moves = 6, ...rest } = options;
  return simulation({
    name: "transfers",
    system: transfersSystem(),
    next: transfersSystem(true),
    prepare: async (host) => {
      const tellers = { service: "books", operation: "add", caller: "teller" } as const;
      const local = host.transport;
      for (const account of ACCOUNTS) {
        await local.send({
          ...tellers,
          ...{ input: { account, amount: EACH }, key: `open-${account}`, clientKey: false, attempt: 1 },
          ...{ identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
          deadlineAt: host.world.clock.monotonicMs() + 1_000,
        });
      }
    },
    properties: [
      always("no account is overdrawn", ({ rows }) =>
        rows<{ account: string }>("books", "SELECT account FROM account WHERE balance < 0").map(
          ({ account }) => `${account} is below zero`,
        ),
      ),
      eventually("money is neither made nor lost", ({ rows }) => {
        const [sum] = rows<{ n: number }>("books", "SELECT sum(balance) AS n FROM account");
        return sum?.n === ACCOUNTS.length * EACH ? [] : [`the accounts hold ${sum?.n ?? 0}`];
      }),
      sometimes("money moves"),
    ],
    ...rest,
    actors: () => ["x", "y", "z"].map((name) => mover(name, moves)),
  });
}
