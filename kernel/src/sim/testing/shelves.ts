/** A small system whose histories are checked: registers, and lists that transactions append to and read. */
import { anyone, command, contract, query } from "../../contract/mod.ts";
import { type System, defineSystem, implement } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { statements } from "../../store/mod.ts";
import { type Actor, type ActorContext, actor } from "../actors.ts";
import {
  type CasRegisterInput,
  type Operation,
  type Scalar,
  type Transaction,
  casRegisterModel,
  checkListAppend,
  linearizabilityText,
  linearizable,
  listAppendText,
} from "../check/mod.ts";
import { eventually } from "../properties.ts";
import { type Simulation, simulation } from "../simulation.ts";

const Value = t.object({ value: t.integer() });
const Step = t.object({ op: t.oneOf(["append", "read"]), key: t.text(), value: t.integer() });

/** Keeps registers and lists. */
export const shelf = contract("shelf", {
  version: "1.0.0",
  commands: {
    write: command({ input: Value, output: t.object({}), allow: [anyone] }),
    exchange: command({
      input: t.object({ from: t.integer(), to: t.integer() }),
      output: t.object({ done: t.boolean() }),
      allow: [anyone],
    }),
    transact: command({
      input: t.object({ steps: t.array(Step, { maxItems: 8 }) }),
      output: t.object({ read: t.array(t.array(t.integer(), { maxItems: 500 }), { maxItems: 8 }) }),
      allow: [anyone],
    }),
  },
  queries: { read: query({ input: t.object({}), output: Value, allow: [anyone] }) },
});

interface Tables {
  register: { id: number; value: number };
  entry: { list: string; n: number; value: number };
}

const sql = statements<Tables>();
const current = sql((db, _: Record<never, never>) => db.selectFrom("register").select("value"));
const put = sql((db, p: { value: number }) => db.updateTable("register").set(p));
const putIf = sql((db, p: { from: number; to: number }) =>
  db.updateTable("register").set({ value: p.to }).where("value", "=", p.from),
);
const entries = sql((db, p: { list: string }) =>
  db.selectFrom("entry").select("value").where("list", "=", p.list).orderBy("n"),
);
const add = sql((db, p: { list: string; n: number; value: number }) => db.insertInto("entry").values(p));

/** How it may be broken: reads that remember, transactions that read before they begin. */
export type Flaw = "none" | "stale read" | "read outside";

function system(flaw: Flaw): System {
  let remembered: { value: number } | undefined;
  const service = implement<Tables>()(shelf, {
    database: {
      migrations: [
        {
          name: "0001_shelf",
          sql: `CREATE TABLE register (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
                INSERT INTO register VALUES (1, 0);
                CREATE TABLE entry (list TEXT NOT NULL, n BIGINT NOT NULL, value BIGINT NOT NULL)`,
        },
      ],
    },
    commands: {
      write: ({ value }, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.run(put, { value });
          return {};
        }),
      exchange: (input, ctx) => ctx.transaction(async (tx) => ({ done: Number(await tx.run(putIf, input)) === 1 })),
      async transact({ steps }, ctx) {
        const lists = [...new Set(steps.map(({ key }) => key))];
        const early = new Map<string, number[]>();
        if (flaw === "read outside") {
          for (const list of lists) early.set(list, (await ctx.read((db) => db.all(entries, { list }))).map(valueOf));
        }
        return ctx.transaction(async (tx) => {
          const read: number[][] = [];
          for (const { op, key: list, value } of steps) {
            const found = early.get(list) ?? (await tx.all(entries, { list })).map(valueOf);
            if (op === "read") read.push(found);
            else await tx.run(add, { list, n: found.length, value });
          }
          return { read };
        });
      },
    },
    queries: {
      async read(_, ctx) {
        if (flaw === "stale read" && remembered !== undefined) return remembered;
        const row = await ctx.read((db) => db.first(current, {}));
        return (remembered = { value: row?.value ?? 0 });
      },
    },
  });
  return defineSystem({ name: "shelves", services: [service], roles: {} });
}

const valueOf = ({ value }: { value: number }): number => value;

/** What actors report: operations on the register, and transactions on lists. */
export interface Reported {
  readonly operation?: Operation<CasRegisterInput, Scalar>;
  readonly transaction?: Transaction;
}

/** Registers and lists under attack. Times are counted by events, because several may share a virtual moment. */
export function shelvesSimulation(flaw: Flaw = "none"): Simulation {
  let clock = 0;
  const tick = (): number => (clock += 1);
  return simulation({
    name: "shelves",
    system: system(flaw),
    actors() {
      clock = 0;
      return [1, 2, 3, 4].map((n) => client(n, tick));
    },
    properties: [
      eventually("the register is linearizable", ({ reports }) => {
        const history = (reports as Reported[]).flatMap(({ operation }) => operation ?? []);
        const model = casRegisterModel(0);
        const result = linearizable(history, model);
        return result.verdict === "linearizable" ? [] : [linearizabilityText(result, model)];
      }),
      eventually("the lists are strictly serializable", ({ reports }) => {
        const result = checkListAppend((reports as Reported[]).flatMap(({ transaction }) => transaction ?? []));
        return result.ruledOut.length === 0 ? [] : [listAppendText(result)];
      }),
    ],
    faultsMs: 3_000,
  });
}

function client(n: number, tick: () => number): Actor {
  return actor(`client-${n}`, async function* (ctx) {
    for (let round = 0; round < 8; round += 1) {
      yield;
      const id = n * 100 + round;
      if (ctx.random.next() < 0.5) await useRegister(ctx, id, tick);
      else await useLists(ctx, id, tick);
    }
  });
}

async function useRegister(ctx: ActorContext, id: number, tick: () => number): Promise<void> {
  const invokedAt = tick();
  const key = { key: `${ctx.name}-${id}` };
  const end = (input: CasRegisterInput, output: Scalar): void =>
    ctx.report({
      operation: { process: ctx.name, input, invokedAt, completed: { at: tick(), output } },
    } satisfies Reported);
  const chance = ctx.random.next();
  if (chance < 0.4) {
    await ctx.call(shelf.write({ value: id }), key);
    end({ op: "write", value: id }, null);
  } else if (chance < 0.6) {
    const from = ctx.between(0, 5) * 100;
    const { done } = await ctx.call(shelf.exchange({ from, to: id }), key);
    end({ op: "cas", expected: from, value: id }, done);
  } else {
    const { value } = await ctx.call(shelf.read({}), key);
    end({ op: "read" }, value);
  }
}

async function useLists(ctx: ActorContext, id: number, tick: () => number): Promise<void> {
  const startedAt = tick();
  const steps = [1, 2, 3].map((n) => ({
    op: ctx.pick(["append", "read"] as const),
    key: ctx.pick(["p", "q"]),
    value: id * 10 + n,
  }));
  const { read } = await ctx.call(shelf.transact({ steps }), { key: `${ctx.name}-${id}` });
  let n = 0;
  const operations = steps.map(({ op, key, value }) =>
    op === "append" ? ({ op, key, value } as const) : ({ op, key, values: read[n++] ?? [] } as const),
  );
  const transaction: Transaction = { id, outcome: "committed", operations, startedAt, endedAt: tick() };
  ctx.report({ transaction } satisfies Reported);
}
