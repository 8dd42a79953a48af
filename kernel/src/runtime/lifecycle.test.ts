/** Starting, stopping and starting again: nothing that was begun is lost, nothing that was opened stays open. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { anyone, command, contract, event, fault, query, services } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { saga } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { statements } from "../store/mod.ts";
import { Draining, Host, type Service, type System, defineSystem, implement, subscribe } from "./mod.ts";

const Closed = fault("mill/closed", { kind: "unavailable", data: t.object({}), message: () => "Closed today." });
const Sack = t.object({ sack: t.text() });
const nothing = t.object({});

const mill = contract("mill", {
  version: "1.0.0",
  commands: { grind: command({ input: Sack, output: Sack, faults: [Closed], allow: [services("farm"), anyone] }) },
  queries: { wait: query({ input: nothing, output: nothing, allow: [anyone] }) },
  events: { ground: event({ key: "sack", data: Sack }) },
});
const farm = contract("farm", {
  version: "1.0.0",
  commands: { harvest: command({ input: Sack, output: Sack, allow: [anyone] }) },
});
const baker = contract("baker", { version: "1.0.0" });

/** What is open, and how often something ran. */
interface State {
  isMillOpen: boolean;
  isBakerAwake: boolean;
  grindings: number;
  waits: Promise<void>;
}

interface MillTables {
  flour: { sack: string };
}
const millSql = statements<MillTables>();
const addFlour = millSql((db, p: { sack: string }) => db.insertInto("flour").values(p));

interface BakerTables {
  bread: { sack: string };
}
const bakerSql = statements<BakerTables>();
const addBread = bakerSql((db, p: { sack: string }) => db.insertInto("bread").values(p));

interface FarmTables {
  none: { sack: string };
}

const deliver = saga<FarmTables, "mill">()("deliver", {
  input: Sack,
  output: nothing,
  run: async (s, { sack }) => {
    await s.pivot();
    await s.step("grind", mill.grind({ sack }));
    return {};
  },
});

function systemOf(state: State, extra: readonly Service[] = []): System {
  const millService = implement<MillTables>()(mill, {
    database: { migrations: [{ name: "0001", sql: "CREATE TABLE flour (sack TEXT PRIMARY KEY)" }] },
    commands: {
      grind: (input, ctx) => {
        state.grindings += 1;
        if (!state.isMillOpen) throw Closed.with({});
        return ctx.transaction(async (tx) => {
          await tx.run(addFlour, input);
          await tx.emit(mill.events.ground, input);
          return input;
        });
      },
    },
    queries: { wait: () => state.waits.then(() => ({})) },
  });
  const farmService = implement<FarmTables>()(farm, {
    uses: [mill],
    commands: {
      harvest: (input, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.start(deliver, input, `deliver-${input.sack}`);
          return input;
        }),
    },
    queries: {},
    sagas: [deliver],
  });
  const bakerService = implement<BakerTables>()(baker, {
    database: { migrations: [{ name: "0001", sql: "CREATE TABLE bread (sack TEXT PRIMARY KEY)" }] },
    commands: {},
    queries: {},
    on: [
      subscribe<BakerTables>()(mill.events.ground, async ({ data }, tx) => {
        if (!state.isBakerAwake) throw Closed.with({});
        await tx.run(addBread, data);
      }),
    ],
  });
  return defineSystem({ name: "village", services: [millService, farmService, bakerService, ...extra], roles: {} });
}

const newState = (): State => ({ isMillOpen: true, isBakerAwake: true, grindings: 0, waits: Promise.resolve() });

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "isomer-lifecycle-"));
});
after(() => rm(folder, { recursive: true }));

async function withHost<T>(system: System, dataFolder: string, body: (host: Host) => Promise<T>): Promise<T> {
  const open = openWorld({ dataFolder, log: silentLogger });
  try {
    const host = await Host.start({ system, world: open.world, jobs: false });
    try {
      return await body(host);
    } finally {
      await host.stop();
    }
  } finally {
    open.close();
  }
}

async function count(host: Host, service: string, table: string): Promise<number> {
  const sql = `SELECT count(*) AS n FROM ${table}`;
  const rows = await host.runner(service).database.read({ label: "test" }, (c) => c.all<{ n: number }>(sql));
  return rows[0]?.n ?? -1;
}

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
};

describe("a second start", () => {
  test("goes on with unfinished sagas and undelivered events", async () => {
    const state = { ...newState(), isMillOpen: false };
    const here = join(folder, "again");
    await withHost(systemOf(state), here, async (host) => {
      await host.invoke({ service: "farm", operation: "harvest", input: { sack: "a" } });
      await until(() => state.grindings > 0);
    });
    Object.assign(state, { isMillOpen: true, isBakerAwake: false });
    await withHost(systemOf(state), here, async (host) => {
      await until(async () => (await count(host, "mill", "flour")) === 1);
      await host.runner("farm").engine?.idle();
      assert.equal(await count(host, "baker", "bread"), 0);
    });
    state.isBakerAwake = true;
    const grindings = state.grindings;
    await withHost(systemOf(state), here, async (host) => {
      await host.idle();
      assert.deepEqual([await count(host, "mill", "flour"), await count(host, "baker", "bread")], [1, 1]);
    });
    assert.equal(state.grindings, grindings, "what was done is not done again");
  });

  test("a saga's call that may have been made before is answered from its record, without running", async () => {
    const state = newState();
    await withHost(systemOf(state), ":memory:", async (host) => {
      const call = (attempt: number) =>
        host.runner("farm").engine?.options.call(mill.grind({ sack: "b" }), {
          key: "saga/grind",
          attempt,
          caller: "farm",
          identity: undefined,
          criticality: "normal",
          trace: undefined,
        } as never);
      assert.deepEqual([await call(1), await call(2)], [{ sack: "b" }, { sack: "b" }]);
      assert.equal(state.grindings, 1);
    });
  });
});

describe("stopping", () => {
  test("waits for calls that are under way, and refuses new ones", async () => {
    const gate = Promise.withResolvers<void>();
    const state = { ...newState(), waits: gate.promise };
    await withHost(systemOf(state), ":memory:", async (host) => {
      const ask = () => host.invoke({ service: "mill", operation: "wait", input: {} });
      const order: string[] = [];
      const asked = ask().then(() => order.push("answered"));
      const stopped = host.stop().then(() => order.push("stopped"));
      await assert.rejects(ask(), Draining.is);
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(order, []);
      gate.resolve();
      await Promise.all([asked, stopped]);
      assert.deepEqual(order, ["answered", "stopped"]);
    });
  });

  test("twice is stopping once", async () => {
    await withHost(systemOf(newState()), ":memory:", (host) => Promise.all([host.stop(), host.stop()]));
  });
});

describe("a start that fails", () => {
  const broken = implement<Record<never, never>>()(contract("broken", { version: "1.0.0" }), {
    database: { migrations: [{ name: "0001", sql: "CREATE NONSENSE" }] },
    commands: {},
    queries: {},
  });
  const hear = subscribe();
  const twice = implement()(contract("twice", { version: "1.0.0" }), {
    commands: {},
    queries: {},
    on: [hear(mill.events.ground, () => Promise.resolve()), hear(mill.events.ground, () => Promise.resolve())],
  });

  for (const [why, service, expected] of [
    ["a migration", broken, /NONSENSE/],
    ["an event that one consumer hears twice", twice, /hears mill\.ground twice/],
  ] as const) {
    test(`for ${why} leaves nothing open`, async () => {
      const here = join(folder, service.contract.name);
      await assert.rejects(
        withHost(systemOf(newState(), [service]), here, () => Promise.resolve()),
        ({ message, cause }: Error) => expected.test(`${message} ${String(cause)}`),
      );
      // A database that is still open would hold the folder.
      await withHost(systemOf(newState()), here, () => Promise.resolve());
    });
  }

  test("two jobs of one name are noticed before that", () => {
    const job = { name: "sweep", everyMs: 1_000, run: () => Promise.resolve(false) };
    const sweeper = contract("sweeper", { version: "1.0.0" });
    assert.throws(() => implement()(sweeper, { commands: {}, queries: {}, jobs: [job, job] }), /two jobs "sweep"/);
  });
});
