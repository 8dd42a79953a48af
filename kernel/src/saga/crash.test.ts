/** Kills the engine everywhere, and looks whether everything still happens once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { t } from "../schema/mod.ts";
import { type SagaContext, saga, signal } from "./mod.ts";
import { type Behaviour, NoAnswer, Refused } from "./testing/callees.ts";
import { CrashWorld, type Death, asks, does } from "./testing/crash-world.ts";

type Body = SagaContext<"svc", never>;

const paid = signal("paid", t.object({ by: t.text() }));
const Input = t.object({ waits: t.boolean() });
const Output = t.object({ price: t.integer(), by: t.text() });
const WAIT_MS = 10_000;

const settled = async (
  { connection }: { readonly connection: { run(sql: string, values: readonly string[]): Promise<number> } },
  _: unknown,
  { status }: { readonly status: string },
  { id }: { readonly id: string },
): Promise<void> => {
  await connection.run("INSERT INTO ended (saga, status) VALUES (?, ?)", [id, status]);
};

const note = (s: Body, what: string, undo = false): Promise<string> =>
  s.local(
    what,
    async ({ connection }) => {
      await connection.run("INSERT INTO effect (saga, what) VALUES (?, ?)", [s.id, what]);
      return what;
    },
    undo
      ? {
          // Doing this twice shows.
          undo: async ({ connection }, result) => {
            await connection.run("INSERT INTO effect (saga, what) VALUES (?, ?)", [s.id, `un${result}`]);
          },
        }
      : {},
  );

/** One after another, with everything that there is. */
const order = saga<never, "svc">()("order", {
  input: Input,
  output: Output,
  settled,
  run: async (s, { waits }) => {
    const { price } = await s.step("price", asks<{ price: number }>("price"));
    // The input tells whether a lost answer was asked for again.
    await s.step("reserve", does<{ ref: number }>("reserve", { price }), {
      undo: (result) => does("release", { ref: result?.ref ?? null }),
    });
    await s.step("coupon", does("coupon"), { undo: () => does("returnCoupon") });
    await note(s, "noted", true);
    const at = await s.now("at");
    await s.step("pay", does("pay", { at }), { undo: () => does("refund"), attemptsMax: 3 });
    let by = "nobody";
    if (waits) {
      const found = await s.wait("paid", paid, { timeoutMs: WAIT_MS });
      if (found === undefined) throw Refused.with({ op: "wait" });
      by = found.by;
      await s.sleep("pause", 5_000);
    }
    await s.pivot();
    await s.step("commit", does("commit"));
    await s.step("ship", does("ship"));
    await note(s, "done");
    await s.step("mail", does("mail"));
    return { price, by };
  },
});

/** Goes another way when it is refused: which way, must not change. */
const twoWays = saga<never, "svc">()("twoWays", {
  input: Input,
  output: Output,
  settled,
  run: async (s) => {
    await s.step("reserve", does("reserve"), { undo: () => does("release") });
    try {
      await s.step("main", does("main"), { undo: () => does("undoMain") });
    } catch (error) {
      if (!Refused.is(error)) throw error;
      await s.step("alternative", does("alternative"), { undo: () => does("undoAlternative") });
    }
    await s.step("pay", does("pay"), { undo: () => does("refund"), attemptsMax: 3 });
    return { price: 0, by: "" };
  },
});

/** Two branches at a time. */
const branches = saga<never, "svc">()("branches", {
  input: Input,
  output: Output,
  settled,
  run: async (s, { waits }) => {
    const branch = async (name: string): Promise<void> => {
      await s.step(`${name}1`, does(`${name}1`), { undo: () => does(`un${name}1`) });
      await s.step(`${name}2`, does(`${name}2`), { undo: () => does(`un${name}2`), attemptsMax: 3 });
      if (waits) await s.sleep(`${name}3`, 2_000);
      await s.step(`${name}4`, does(`${name}4`), { undo: () => does(`un${name}4`), attemptsMax: 3 });
    };
    await Promise.all([branch("a"), branch("b")]);
    await s.pivot();
    await s.step("end", does("end"));
    return { price: 0, by: "" };
  },
});

interface Case {
  readonly name: string;
  readonly saga: unknown;
  readonly waits: boolean;
  readonly signals: boolean;
  readonly behave: (op: string, count: number) => Behaviour;
  readonly ends: readonly string[];
}

const always = (): Behaviour => "ok";
const CASES: readonly Case[] = [
  { name: "all goes well", saga: order, waits: true, signals: true, behave: always, ends: ["completed"] },
  { name: "nobody signals", saga: order, waits: true, signals: false, behave: always, ends: ["compensated"] },
  {
    name: "the payment is refused",
    saga: order,
    waits: false,
    signals: false,
    behave: (op) => (op === "pay" ? "refused" : "ok"),
    ends: ["compensated"],
  },
  {
    name: "the payment gives no answer",
    saga: order,
    waits: false,
    signals: false,
    behave: (op, count) => (op === "pay" && count < 12 ? "lost" : op === "refund" && count < 4 ? "down" : "ok"),
    // After a crash it is repeated until it answers: it may have succeeded, and more with it.
    ends: ["compensated", "completed"],
  },
  {
    name: "everything fails twice",
    saga: order,
    waits: false,
    signals: false,
    behave: (_, count) => (count === 1 ? "lost" : count === 2 ? "down" : "ok"),
    ends: ["completed", "compensated"],
  },
  {
    name: "what was refused would succeed the next time",
    saga: twoWays,
    waits: false,
    signals: false,
    behave: (op, count) => (op === "main" && count === 1 ? "refused" : "ok"),
    ends: ["completed"],
  },
  {
    name: "two ways, both taken back",
    saga: twoWays,
    waits: false,
    signals: false,
    behave: (op, count) => ((op === "main" && count === 1) || op === "pay" ? "refused" : "ok"),
    ends: ["compensated"],
  },
  { name: "two branches", saga: branches, waits: true, signals: false, behave: always, ends: ["completed"] },
  {
    name: "one branch is refused",
    saga: branches,
    waits: false,
    signals: false,
    behave: (op) => (op === "a2" ? "refused" : "ok"),
    ends: ["compensated"],
  },
];

const ID = "s";

interface Run {
  readonly world: CrashWorld;
  readonly status: string;
}

/** Runs a case to its end; `before` is called before each thing that happens. */
async function run(
  { saga: body, waits, signals, behave }: Case,
  options: { readonly seed: number; readonly inOrder: boolean; readonly before: (world: CrashWorld) => Promise<void> },
): Promise<Run> {
  const world = new CrashWorld([order, twoWays, branches], options.seed);
  world.callees.behave = behave;
  await world.start(body, { waits }, ID);
  const signalAt = 3 + Math.floor(world.random.next() * 25);
  let signalled = !signals;
  for (let guard = 0; ; guard += 1) {
    assert.ok(guard < 3_000, "it does not end");
    const row = world.sql.prepare("SELECT status, wake_at FROM isomer_saga WHERE id = ?").get(ID);
    if (row?.["wake_at"] === null && world.waiting === 0) return { world, status: String(row["status"]) };
    if (!signalled && (world.happened >= signalAt || world.waiting === 0)) {
      signalled = true;
      await world.signal(ID, paid as never, { by: "card" });
    }
    await options.before(world);
    if (!(await world.step(options.inOrder)) && !(await world.skip()))
      assert.equal(row?.["wake_at"], null, "it sleeps for ever");
  }
}

function check({ world, status }: Run, { ends, name }: Case, how: string): void {
  const at = `${name}, ${how}`;
  const { callees, sql } = world;
  assert.ok(ends.includes(status), `${at}: ended ${status}`);
  assert.deepEqual(callees.reused, [], `${at}: a key was used for two inputs`);
  const ended = sql.prepare("SELECT status FROM ended").all();
  assert.deepEqual(
    ended.map((row) => row["status"]),
    [status],
    `${at}: the last word`,
  );
  const effects = sql
    .prepare("SELECT what FROM effect ORDER BY what")
    .all()
    .map((row) => row["what"]);
  const keys = [...callees.effects.keys()].map((key) => key.slice(2)).toSorted();
  if (status === "completed") {
    assert.ok(!keys.some((key) => key.endsWith("/undo")), `${at}: undone although completed: ${keys.join()}`);
    if (keys.includes("mail")) {
      assert.deepEqual(keys, ["commit", "coupon", "mail", "pay", "reserve", "ship"], at);
      assert.deepEqual(effects, ["done", "noted"], at);
    }
    assert.ok(!(keys.includes("main") && keys.includes("alternative")), `${at}: both ways were taken`);
    if (keys.includes("end")) assert.equal(keys.length, 7, at);
  } else {
    assert.deepEqual(callees.standing(), [], `${at}: left behind`);
    assert.ok(
      effects.length === 0 || effects.join() === "noted,unnoted",
      `${at}: in the own database: ${effects.join()}`,
    );
  }
  checkAsked(world, at);
}

/** Calls as the engine meant them, whatever became of them. */
function checkAsked({ asked }: CrashWorld, at: string): void {
  const known = new Set<string>();
  let isBack = false;
  for (const { key, attempt } of asked) {
    assert.ok(attempt > 1 || !known.has(key), `${at}: a repetition of ${key} says that it is none`);
    known.add(key);
    const isUndo = key.endsWith("/undo");
    assert.ok(isUndo || !isBack, `${at}: ${key} was called after the saga had begun to undo`);
    isBack ||= isUndo;
  }
}

const DEATHS: readonly Death[] = [
  { happened: false, commits: 0, calls: "lost" },
  { happened: false, commits: 9, calls: "at once" },
  { happened: true, commits: 0, calls: "at once" },
  { happened: true, commits: 9, calls: "lost" },
  { happened: true, commits: 0, calls: "late" },
];

for (const each of CASES) {
  test(`a crash at any point changes nothing: ${each.name}`, async () => {
    const calm = await run(each, { seed: 1, inOrder: true, before: async () => {} });
    check(calm, each, "without a crash");
    const count = calm.world.happened;
    assert.ok(count > 5);
    for (let at = 0; at < count; at += 1) {
      for (const death of DEATHS) {
        let isAlive = true;
        const before = async (world: CrashWorld): Promise<void> => {
          if (!isAlive || world.happened < at) return;
          isAlive = false;
          await world.crash(death);
        };
        check(await run(each, { seed: 1, inOrder: true, before }), each, `killed at ${at} ${JSON.stringify(death)}`);
      }
    }
  });

  test(`nor do several crashes, in any order of events: ${each.name}`, async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      let left = 4;
      const before = async (world: CrashWorld): Promise<void> => {
        const { random } = world;
        if (left === 0 || random.next() > 0.08) return;
        left -= 1;
        const calls = (["lost", "at once", "late"] as const)[Math.floor(random.next() * 3)] ?? "lost";
        await world.crash({ happened: random.next() < 0.5, commits: Math.floor(random.next() * 3), calls });
      };
      check(await run(each, { seed, inOrder: false, before }), each, `seed ${seed}`);
    }
  });
}

/** Two steps that can be taken back, each given up after two attempts; then it fails. */
const chain = saga<never, "svc">()("chain", {
  input: Input,
  output: Output,
  run: async (s) => {
    await s.step("a", does("a"), { undo: () => does("unA"), attemptsMax: 30 });
    await s.step("b", does("b"), { undo: () => does("unB"), attemptsMax: 2 });
    throw NoAnswer.with({ op: "body" });
  },
});

async function settle(world: CrashWorld): Promise<void> {
  const status = (): unknown => world.sql.prepare("SELECT status FROM isomer_saga").get()?.["status"];
  for (let guard = 0; guard < 500 && status() !== "compensated"; guard += 1) {
    if (!(await world.step(true))) await world.skip();
  }
  assert.equal(status(), "compensated");
  assert.deepEqual(world.callees.standing(), []);
}

test("when the callee stays silent after a crash, what may have been built on its answer is not left behind", async () => {
  const world = new CrashWorld([chain]);
  await world.start(chain, { waits: false }, ID);
  // `a` succeeds, its entry is not written yet, and `b` is called on the strength of it.
  assert.ok(await world.let("call"));
  assert.equal(world.waiting, 2);
  await world.crash({ happened: false, commits: 0, calls: "at once" });
  assert.ok(world.callees.effects.has("s/b"), "b had its effect");
  world.callees.behave = (op, count) => (op === "a" && count < 40 ? "down" : "ok");
  await settle(world);
});

test("the same when the saga had been put away at that step before", async () => {
  const world = new CrashWorld([chain]);
  world.callees.behave = (op, count) => (op === "a" && count < 6 ? "down" : "ok");
  await world.start(chain, { waits: false }, ID);
  while (!world.callees.effects.has("s/a")) if (!(await world.step(true))) await world.skip();
  assert.equal(world.sql.prepare("SELECT step FROM isomer_saga").get()?.["step"], "a", "it was put away at a");
  // Either `b` waits for the entry of `a`, or its effect is not left behind.
  await world.let("call");
  await world.crash({ happened: false, commits: 0, calls: "at once" });
  world.callees.behave = (op, count) => (op === "a" && count < 60 ? "down" : "ok");
  await settle(world);
});

test("a step is called only when all but one of the entries before it are durable", async () => {
  const commands = saga<never, "svc">()("commands", {
    input: Input,
    output: Output,
    run: async (s) => {
      await s.step("price", asks("price"));
      for (const name of ["a", "b", "c", "d", "e"]) await s.step(name, does(name));
      return { price: 0, by: "" };
    },
  });
  const world = new CrashWorld([commands]);
  await world.start(commands, { waits: false }, ID);
  const names = (): unknown[] =>
    world.sql
      .prepare("SELECT name FROM isomer_saga_journal")
      .all()
      .map((row) => row["name"]);
  const called = (): string[] => world.asked.map(({ key }) => key.slice(2));
  // As late as possible: a transaction happens only when nothing else can.
  while ((await world.let("call")) || (await world.step(true))) {
    const durable = names();
    // The last one has no answer yet, and the answer to the one before it may be lost.
    for (const name of called().slice(0, -2)) assert.ok(durable.includes(name), `${name} before ${called().at(-1)}`);
    // Unlike commands, queries answer otherwise the next time.
    if (called().length > 1) assert.ok(durable.includes("price"));
  }
  assert.equal(called().length, 6);
});
