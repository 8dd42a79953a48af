/** A small system to be called over transports: who calls, who is called, and a stranger. */
import { command, contract, fault, permission, query, services } from "../../contract/mod.ts";
import { markRetried } from "../../guard/mod.ts";
import { type Service, type System, defineSystem, implement } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { statements } from "../../store/mod.ts";

/** More than fits. */
export const TooMuch = fault("callee/too-much", {
  kind: "conflict",
  data: t.object({ n: t.integer(), max: t.integer() }),
  message: ({ n, max }) => `${n} is more than ${max}.`,
});

const allow = [services("caller")];
const Anything = t.object({
  text: t.text(),
  whole: t.integer(),
  part: t.number(),
  flag: t.boolean(),
  list: t.array(t.text()),
  maybe: t.optional(t.text()),
});
const Seen = t.object({
  caller: t.text(),
  subject: t.text(),
  roles: t.array(t.text()),
  criticality: t.text(),
  mayBeStale: t.boolean(),
  remainingMs: t.number(),
});

/** Is called. */
export const callee = contract("callee", {
  version: "1.0.0",
  permissions: { "callee.secret": "See what is secret." },
  commands: {
    put: command({
      input: t.object({ id: t.text(), n: t.integer() }),
      output: t.object({ count: t.integer() }),
      faults: [TooMuch],
      allow,
    }),
  },
  queries: {
    count: query({ input: t.object({}), output: t.integer(), allow }),
    echo: query({ input: Anything, output: Anything, allow }),
    seen: query({ input: t.object({}), output: Seen, allow, deadlineMs: 60_000 }),
    brief: query({ input: t.object({}), output: t.number(), allow, deadlineMs: 500 }),
    hang: query({ input: t.object({}), output: t.boolean(), allow, deadlineMs: 60_000 }),
    retried: query({ input: t.object({}), output: t.boolean(), faults: [TooMuch], allow }),
    secret: query({ input: t.object({}), output: t.boolean(), allow: [permission("callee.secret")] }),
  },
});

/** Calls. */
export const caller = contract("caller", { version: "1.0.0" });
/** Declares nothing. */
export const stranger = contract("stranger", { version: "1.0.0" });

/** What tests look at. */
export interface CalleeProbe {
  runs: number;
  received: unknown;
  /** Called when a hanging handler begins, and when it learns that nobody waits any more. */
  onHang: () => void;
  onAbort: () => void;
}

interface Tables {
  put: { id: string; n: number };
}
const sql = statements<Tables>();
const add = sql((db, p: { id: string; n: number }) => db.insertInto("put").values(p));
const all = sql((db, _: Record<never, never>) => db.selectFrom("put").selectAll());

function calleeService(probe: CalleeProbe): Service {
  return implement<Tables>()(callee, {
    database: { migrations: [{ name: "0001_put", sql: "CREATE TABLE put (id TEXT NOT NULL, n BIGINT NOT NULL)" }] },
    commands: {
      put({ id, n }, ctx) {
        probe.runs += 1;
        return ctx.transaction(async (tx) => {
          await tx.run(add, { id, n });
          if (n === 13) throw new Error("SELECT secret FROM stack");
          if (n > 100) throw TooMuch.with({ n, max: 100 });
          return { count: (await tx.all(all, {})).length };
        });
      },
    },
    queries: {
      count: (_, ctx) => ctx.read(async (db) => (await db.all(all, {})).length),
      async echo(input) {
        probe.received = input;
        return input;
      },
      async seen(_, ctx) {
        const { caller: who = "nobody", identity, criticality, mayBeStale } = ctx;
        const { subject = "nobody", roles = [] } = identity ?? {};
        return { caller: who, subject, roles: [...roles], criticality, mayBeStale, remainingMs: ctx.remainingMs() };
      },
      brief: async (_, ctx) => ctx.remainingMs(),
      hang(_, { signal }) {
        probe.runs += 1;
        return new Promise<boolean>((resolve) => {
          signal.addEventListener("abort", () => {
            probe.onAbort();
            resolve(true);
          });
          probe.onHang();
        });
      },
      async retried() {
        const error = TooMuch.with({ n: 1, max: 0 });
        markRetried(error);
        throw error;
      },
      secret: () => Promise.resolve(true),
    },
  });
}

/** A system of one callee, which others call over the transport that is tried. */
export function calleeSystem(probe: CalleeProbe): System {
  return defineSystem({
    name: "calls",
    services: [
      calleeService(probe),
      implement()(caller, { uses: [callee], commands: {}, queries: {} }),
      implement()(stranger, { commands: {}, queries: {} }),
    ],
    roles: { insider: ["callee.secret"], customer: [] },
  });
}
