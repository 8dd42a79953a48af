/** A small system for tests of the runtime: a ledger that keeps accounts, a desk that uses it, an auditor that hears. */
import {
  anyone,
  command,
  contract,
  event,
  fault,
  owner,
  permission,
  query,
  services,
  user,
} from "../../contract/mod.ts";
import { saga, signal } from "../../saga/mod.ts";
import { t } from "../../schema/mod.ts";
import { statements } from "../../store/mod.ts";
import { type CommandContext, type Service, implement, subscribe } from "../mod.ts";

/** Not enough money. */
export const Overdrawn = fault("ledger/overdrawn", {
  kind: "conflict",
  data: t.object({ account: t.text(), balance: t.integer() }),
  message: ({ account, balance }) => `Account ${account} has only ${balance}.`,
});

const Account = t.object({ account: t.text(), balance: t.integer() });
const noInput = t.object({});

/** Keeps accounts. */
export const ledger = contract("ledger", {
  version: "1.0.0",
  permissions: { "ledger.audit": "See every account." },
  commands: {
    deposit: command({
      input: t.object({ account: t.text(), amount: t.integer({ minimum: 1 }), tag: t.optional(t.secret(t.text())) }),
      output: Account,
      allow: [user, services("desk")],
    }),
    withdraw: command({
      input: t.object({ account: t.text(), amount: t.integer({ minimum: 1 }) }),
      output: Account,
      faults: [Overdrawn],
      allow: [owner, services("desk")],
    }),
    misbehave: command({ input: t.object({ how: t.text() }), output: Account, allow: [anyone] }),
  },
  queries: {
    balance: query({
      input: t.object({ account: t.text() }),
      output: Account,
      allow: [owner, permission("ledger.audit"), services("desk")],
    }),
    internal: query({ input: noInput, output: t.boolean(), allow: [services("desk")] }),
    lie: query({ input: noInput, output: t.object({ n: t.integer() }), allow: [anyone] }),
    slow: query({ input: t.object({ ms: t.integer() }), output: t.integer(), allow: [anyone], deadlineMs: 200 }),
    remaining: query({ input: noInput, output: t.number(), allow: [anyone], deadlineMs: 5_000 }),
  },
  events: { changed: event({ key: "account", data: Account }) },
});

/** Uses the ledger. */
export const desk = contract("desk", {
  version: "1.0.0",
  commands: {
    transfer: command({
      input: t.object({ from: t.text(), to: t.text(), amount: t.integer() }),
      output: t.object({ sagaId: t.text() }),
      allow: [anyone],
      deadlineMs: 5_000,
    }),
    callInside: command({ input: noInput, output: noInput, allow: [anyone] }),
    callBefore: command({ input: t.object({ account: t.text() }), output: Account, allow: [anyone] }),
  },
  queries: {
    transferStatus: query({
      input: t.object({ sagaId: t.text() }),
      output: t.text(),
      allow: [anyone],
      deadlineMs: 5_000,
    }),
    commandInQuery: query({ input: noInput, output: noInput, allow: [anyone] }),
    undeclared: query({ input: noInput, output: noInput, allow: [anyone] }),
    chain: query({ input: noInput, output: t.number(), allow: [anyone], deadlineMs: 100 }),
    share: query({ input: noInput, output: t.boolean(), allow: [anyone] }),
  },
});

/** Hears the ledger, and is used by nobody. */
export const auditor = contract("auditor", {
  version: "1.0.0",
  queries: {
    seen: query({
      input: t.object({ account: t.text() }),
      output: t.object({ count: t.integer(), last: t.integer() }),
      allow: [anyone],
    }),
  },
});

interface LedgerTables {
  account: { account: string; balance: number };
}
const ledgerSql = statements<LedgerTables>();
const find = ledgerSql((db, p: { account: string }) =>
  db.selectFrom("account").selectAll().where("account", "=", p.account),
);
const put = ledgerSql((db, p: { account: string; balance: number }) =>
  db
    .insertInto("account")
    .values(p)
    .onConflict((c) => c.column("account").doUpdateSet({ balance: p.balance })),
);

/** What tests look at and change. */
export interface Probe {
  handlerRuns: number;
  received: unknown;
  failAuditor: number;
  release: () => void;
}

function change(ctx: CommandContext<LedgerTables>, account: string, by: number) {
  return ctx.transaction(async (tx) => {
    const balance = ((await tx.first(find, { account }))?.balance ?? 0) + by;
    await tx.run(put, { account, balance });
    await tx.emit(ledger.events.changed, { account, balance });
    if (balance < 0) throw Overdrawn.with({ account, balance: balance - by });
    return { account, balance };
  });
}

/** The ledger, with a probe. */
export function ledgerService(probe: Probe): Service {
  return implement<LedgerTables>()(ledger, {
    database: {
      migrations: [
        { name: "0001_account", sql: "CREATE TABLE account (account TEXT PRIMARY KEY, balance BIGINT NOT NULL)" },
      ],
    },
    commands: {
      deposit: (input, ctx) => {
        probe.handlerRuns += 1;
        probe.received = input;
        return change(ctx, input.account, input.amount);
      },
      withdraw: ({ account, amount }, ctx) => change(ctx, account, -amount),
      async misbehave({ how }, ctx) {
        if (how === "twice") {
          await change(ctx, "a", 1);
          return change(ctx, "a", 1);
        }
        if (how === "crash") return ctx.transaction(() => Promise.reject(new Error("SELECT secret FROM stack")));
        if (how === "other") return { ...(await change(ctx, "a", 1)) };
        return { account: "a", balance: 0 };
      },
    },
    queries: {
      balance: ({ account }, ctx) =>
        ctx.read(async (db) => (await db.first(find, { account })) ?? { account, balance: 0 }),
      internal: () => Promise.resolve(true),
      lie: () => Promise.resolve({ n: "not a number" } as never),
      slow: ({ ms }, ctx) =>
        new Promise<number>((resolve) => {
          ctx.signal.addEventListener("abort", () => resolve(ms));
          probe.release = () => resolve(ms);
        }),
      remaining: (_, ctx) => Promise.resolve(ctx.remainingMs()),
    },
    owners: { withdraw: ({ account }) => Promise.resolve(account), balance: ({ account }) => Promise.resolve(account) },
  });
}

interface DeskTables {
  nothing: { id: string };
}

/** Confirms a transfer. */
export const confirmed = signal("confirmed", t.object({ ok: t.boolean() }));

const transferSaga = saga<DeskTables, "ledger">()("transfer", {
  input: t.object({ from: t.text(), to: t.text(), amount: t.integer() }),
  output: t.object({ moved: t.integer() }),
  run: async (s, { from, to, amount }) => {
    await s.step("take", ledger.withdraw({ account: from, amount }), {
      undo: () => ledger.deposit({ account: from, amount }),
    });
    await s.step("give", ledger.deposit({ account: to, amount }));
    if (to === "nowhere") throw Overdrawn.with({ account: to, balance: 0 });
    return { moved: amount };
  },
});

/** Takes orders from outside and calls the ledger for them. */
export const deskService: Service = implement<DeskTables>()(desk, {
  uses: [ledger],
  commands: {
    transfer: (input, ctx) =>
      ctx.transaction(async (tx) => ({ sagaId: await tx.start(transferSaga, input, ctx.ids.next()) })),
    callInside: (_, ctx) =>
      ctx.transaction(async () => {
        await ctx.call(ledger.internal({}));
        return {};
      }),
    callBefore: async ({ account }, ctx) => {
      const found = await ctx.call(ledger.deposit({ account, amount: 1 }));
      return ctx.transaction(() => Promise.resolve(found));
    },
  },
  queries: {
    transferStatus: async ({ sagaId }, ctx) => (await ctx.saga(sagaId, { timeoutMs: 3_000 }))?.status ?? "unknown",
    commandInQuery: async (_, ctx) => {
      await ctx.call(ledger.deposit({ account: "a", amount: 1 }));
      return {};
    },
    undeclared: async (_, ctx) => {
      // The type refuses this; the runtime must too.
      await ctx.call(auditor.seen({ account: "a" }) as never);
      return {};
    },
    chain: (_, ctx) => ctx.call(ledger.remaining({})),
    share: async (_, ctx) => {
      const input = { account: "a", amount: 1 };
      await ctx.attempt(ledger.deposit(input) as never);
      return true;
    },
  },
  sagas: [transferSaga],
});

interface AuditorTables {
  seen: { account: string; count: number; last: number };
}
const auditorSql = statements<AuditorTables>();
const seenBy = auditorSql((db, p: { account: string }) =>
  db.selectFrom("seen").selectAll().where("account", "=", p.account),
);
const see = auditorSql((db, p: { account: string; last: number }) =>
  db
    .insertInto("seen")
    .values({ account: p.account, count: 1, last: p.last })
    .onConflict((c) => c.column("account").doUpdateSet((eb) => ({ count: eb("seen.count", "+", 1), last: p.last }))),
);

/** Hears of movements and counts them by account. */
export function auditorService(probe: Probe): Service {
  return implement<AuditorTables>()(auditor, {
    database: {
      migrations: [
        {
          name: "0001_seen",
          sql: "CREATE TABLE seen (account TEXT PRIMARY KEY, count BIGINT NOT NULL, last BIGINT NOT NULL)",
        },
      ],
    },
    commands: {},
    queries: {
      seen: ({ account }, ctx) =>
        ctx.read(async (db) => {
          const row = await db.first(seenBy, { account });
          return { count: row?.count ?? 0, last: row?.last ?? 0 };
        }),
    },
    on: [
      subscribe<AuditorTables>()(ledger.events.changed, async ({ data }, tx) => {
        await tx.run(see, { account: data.account, last: data.balance });
        if (probe.failAuditor > 0) {
          probe.failAuditor -= 1;
          throw new Error("the auditor stumbles after its change");
        }
      }),
    ],
  });
}
