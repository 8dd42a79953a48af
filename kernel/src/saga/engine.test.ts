import assert from "node:assert/strict";
import { test } from "node:test";
import { Invalid, t } from "../schema/mod.ts";
import {
  CodeMissing,
  Nondeterministic,
  OutputBroken,
  type SagaContext,
  SagaMissing,
  type SagaOrigin,
  StepName,
  pruneSagas,
  saga,
  signal,
} from "./mod.ts";
import { NoAnswer, Refused } from "./testing/callees.ts";
import { asks, does } from "./testing/crash-world.ts";
import { Setup } from "./testing/setup.ts";

type Body = SagaContext<"svc", never>;
const Nothing = t.object({});
const define = (name: string, run: (s: Body) => Promise<unknown>, version = 1) =>
  saga<never, "svc">()(name, { version, input: Nothing, output: t.unknown(), run });

const go = signal("go", t.object({ n: t.integer() }));

/** Three steps that can be taken back, then `last`. */
const three = (last: (s: Body) => Promise<unknown>) =>
  define("three", async (s) => {
    await s.step("a", does<{ ref: number }>("a"), { undo: (r) => does("unA", { ref: r?.ref ?? "?" }) });
    await s.step("b", does("b"));
    await s.step("c", does<{ ref: number }>("c"), { undo: (r) => does("unC", { ref: r?.ref ?? "?" }), attemptsMax: 3 });
    return last(s);
  });

test("runs its steps in order, each with its own key, and ends with its output", async () => {
  const body = three(async (s) => {
    const { price } = await s.step("price", asks<{ price: number }>("price"));
    await s.pivot();
    return { price };
  });
  const setup = await Setup.open({ sagas: [body] });
  const identity = { subject: "u1", roles: ["admin"], guest: false };
  const trace = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true };
  const origin: SagaOrigin = { identity, criticality: "critical", trace };
  await setup.start(body, {}, "s1", origin);
  const view = await setup.outcome("s1");
  assert.equal(view.status, "completed");
  assert.deepEqual(view.output, { price: 4 });
  assert.equal(view.fault, undefined);
  assert.deepEqual(setup.callees.order, ["s1/a", "s1/b", "s1/c"]);
  assert.deepEqual(setup.callees.seen[0], { key: "s1/a", attempt: 1, insists: false, ...origin });
  assert.deepEqual(setup.heard, ["three completed"]);
  await setup.drive(setup.engine.idle());
  assert.deepEqual(setup.engine.stats(), { running: 0, concurrentMax: 1_000, queued: 0, queuedMax: 10_000 });
});

test("starts once for an id, and only in a transaction that commits", async () => {
  const body = three(() => Promise.resolve(1));
  const setup = await Setup.open({ sagas: [body] });
  await setup.start(body, {}, "s1");
  await setup.outcome("s1");
  await setup.start(body, {}, "s1");
  assert.equal((await setup.outcome("s1")).status, "completed");
  assert.equal(setup.callees.order.length, 3);
  const failing = setup.database.write({ label: "x" }, async (connection) => {
    await setup.engine.start(connection, body as never, {}, "s2", {
      identity: undefined,
      criticality: "normal",
      trace: undefined,
    });
    throw new Error("no");
  });
  await assert.rejects(failing);
  assert.equal(await setup.engine.view("s2"), undefined);
  await assert.rejects(setup.start(body, { x: 1 }, "s3"), (error) => Invalid.is(error));
  await assert.rejects(setup.start({ ...body, version: 9 }, {}, "s3"), TypeError);
});

test("takes steps back in reverse order with their results, and keeps the fault", async () => {
  const body = three((s) => s.step("pay", does("pay"), { undo: () => does("unPay") }));
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op) => (op === "pay" ? "refused" : "ok");
  await setup.start(body, {}, "s1");
  const view = await setup.outcome("s1");
  assert.equal(view.status, "compensated");
  assert.equal(view.fault?.code, Refused.code);
  assert.deepEqual(view.fault?.data, { op: "pay" });
  // What was refused did not happen, and `b` has no undo.
  assert.deepEqual(setup.callees.order.slice(3), ["s1/c/undo", "s1/a/undo"]);
  assert.match(setup.callees.effects.get("s1/a/undo")?.input ?? "", /"ref":1/u);
});

test("an outcome that stays unknown is undone too, without a result", async () => {
  const body = three(() => Promise.resolve(1));
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op) => (op === "c" ? "lost" : "ok");
  await setup.start(body, {}, "s1");
  const view = await setup.outcome("s1");
  assert.equal(view.status, "compensated");
  assert.equal(view.fault?.code, NoAnswer.code);
  assert.equal(setup.callees.attempts.get("s1/c"), 3);
  assert.deepEqual(setup.callees.order.slice(3), ["s1/c/undo", "s1/a/undo"]);
  assert.match(setup.callees.effects.get("s1/c/undo")?.input ?? "", /"ref":"\?"/u);
});

test("attempts after the first say so, and a bug of the callee counts as unknown", async () => {
  const body = three(() => Promise.resolve(1));
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op, count) => (op === "b" && count < 3 ? "down" : op === "c" ? "bug" : "ok");
  await setup.start(body, {}, "s1");
  assert.equal((await setup.outcome("s1")).fault?.code, "kernel/broken");
  const attempts = setup.callees.seen.filter(({ key }) => key === "s1/b").map(({ attempt }) => attempt);
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.ok(setup.callees.effects.has("s1/c/undo"));
});

test("a fault that the body catches does not turn it back", async () => {
  const body = three(async (s) => {
    try {
      return await s.step("pay", does("pay"));
    } catch (error) {
      assert.ok(Refused.is(error));
      return s.step("other", does("other"));
    }
  });
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op) => (op === "pay" ? "refused" : "ok");
  await setup.start(body, {}, "s1");
  assert.equal((await setup.outcome("s1")).status, "completed");
});

test("past the pivot a step is repeated until it succeeds, and shows as stuck meanwhile", async () => {
  const body = three(async (s) => {
    await s.pivot();
    await s.step("ship", does("ship"));
    return "shipped";
  });
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op, count) => (op !== "ship" || count > 12 ? "ok" : count % 2 === 0 ? "down" : "refused");
  await setup.start(body, {}, "s1");
  const stuck = await setup.until("s1", "stuck");
  assert.equal(stuck.step, "ship");
  assert.ok(stuck.attempts >= 4);
  assert.ok(stuck.fault !== undefined);
  assert.equal(setup.errors.length, 1);
  assert.deepEqual(
    (await setup.engine.list({ status: "stuck" })).map(({ id }) => id),
    ["s1"],
  );
  const view = await setup.until("s1", "completed");
  assert.equal(view.fault, undefined);
  assert.deepEqual(setup.heard, ["three stuck at ship", "three completed"]);
  assert.equal(setup.callees.standing().length, 4);
});

test("an undo is repeated until it succeeds", async () => {
  const body = three((s) => s.step("pay", does("pay")));
  const setup = await Setup.open({ sagas: [body] });
  setup.callees.behave = (op, count) => (op === "pay" || (op === "unC" && count < 9) ? "refused" : "ok");
  await setup.start(body, {}, "s1");
  const stuck = await setup.until("s1", "stuck");
  assert.equal(stuck.step, "c/undo");
  const view = await setup.until("s1", "compensated");
  assert.deepEqual(view.fault?.data, { op: "pay" });
  assert.deepEqual(setup.callees.standing(), ["s1/b"]);
});

test("a transaction of its own is once, and is taken back in one", async () => {
  const insert =
    (what: string) => async (tx: { connection: { run(sql: string, p: readonly string[]): Promise<number> } }) => {
      await tx.connection.run("INSERT INTO note (what) VALUES (?)", [what]);
      return what;
    };
  const body = define("local", async (s) => {
    await s.local("one", insert("one"));
    const two = await s.local("two", insert("two"), {
      undo: async ({ connection }, result) => {
        await connection.run("DELETE FROM note WHERE what = ?", [result]);
      },
    });
    await s.local("again", async (tx) => {
      await insert("three")(tx);
      throw Refused.with({ op: two });
    });
  });
  const setup = await Setup.open({ sagas: [body] });
  await setup.start(body, {}, "s1");
  assert.deepEqual((await setup.outcome("s1")).fault?.data, { op: "two" });
  assert.deepEqual(await setup.rows("SELECT what FROM note"), [{ what: "one" }]);
});

const waiting = define("waiting", async (s) => {
  const before = await s.now("before");
  const got = await s.wait("go", go, { timeoutMs: 600_000 });
  await s.step("a", does("a"));
  return { n: got?.n ?? null, waitedMs: (await s.now("after")) - before };
});

test("waits for a signal, and takes no memory meanwhile", async () => {
  const setup = await Setup.open({ sagas: [waiting] });
  await setup.start(waiting, {}, "s1");
  const view = await setup.outcome("s1");
  assert.equal(view.status, "waiting");
  assert.equal(view.step, "go");
  assert.equal(setup.engine.stats().running, 0);
  await setup.signal("s1", go, { n: 7 });
  const done = await setup.outcome("s1");
  assert.equal(done.status, "completed");
  assert.equal((done.output as { n: number }).n, 7);
  await assert.rejects(setup.signal("s1", go, { n: 1.5 }), (error) => Invalid.is(error));
});

test("a signal may come before the saga waits, or exists; the first of a name counts", async () => {
  const setup = await Setup.open({ sagas: [waiting] });
  await setup.signal("s1", go, { n: 1 });
  await setup.signal("s1", go, { n: 2 });
  await setup.drive(setup.engine.idle());
  await setup.start(waiting, {}, "s1");
  assert.equal(((await setup.outcome("s1")).output as { n: number }).n, 1);
});

test("a signal whose sender died before it could wake the saga is found at the next start", async () => {
  const setup = await Setup.open({ sagas: [waiting] });
  await setup.start(waiting, {}, "s1");
  await setup.outcome("s1");
  await setup.signal("s1", go, { n: 3 }, false);
  await setup.restart({ sagas: [waiting] });
  const { output } = await setup.until("s1", "completed");
  assert.equal((output as { n: number }).n, 3);
  assert.ok((output as { waitedMs: number }).waitedMs < 60_000);
});

test("a wait ends at its time, also over a restart; a later signal changes nothing", async () => {
  const setup = await Setup.open({ sagas: [waiting] });
  await setup.start(waiting, {}, "s1");
  await setup.outcome("s1");
  await setup.clock.advance(300_000);
  await setup.restart({ sagas: [waiting] });
  await setup.clock.advance(299_000);
  assert.equal((await setup.engine.view("s1"))?.status, "waiting");
  const { output } = await setup.until("s1", "completed");
  assert.equal((output as { n: null }).n, null);
  assert.ok((output as { waitedMs: number }).waitedMs >= 600_000);
  await setup.signal("s1", go, { n: 4 });
  await setup.drive(setup.engine.idle());
  assert.deepEqual((await setup.engine.view("s1"))?.output, output);
});

test("sleeps, and goes on with what it knew", async () => {
  const body = define("sleeper", async (s) => {
    const { price } = await s.step("price", asks<{ price: number }>("price"));
    await s.sleep("nap", 86_400_000);
    return price;
  });
  const setup = await Setup.open({ sagas: [body] });
  await setup.start(body, {}, "s1");
  assert.equal((await setup.outcome("s1")).status, "waiting");
  await setup.clock.advance(86_400_000);
  assert.equal((await setup.until("s1", "completed")).output, 1);
  assert.equal(setup.callees.seen.length, 1);
});

test("goes on under the version that it began with; without its code it is stuck, and says which is missing", async () => {
  const first = define("job", async (s) => {
    await s.sleep("nap", 60_000);
    return "first";
  });
  const second = define("job", () => Promise.resolve("second"), 2);
  const setup = await Setup.open({ sagas: [first] });
  await setup.start(first, {}, "s1");
  await setup.outcome("s1");
  await setup.restart({ sagas: [second] });
  await setup.clock.advance(60_000);
  const { fault } = await setup.until("s1", "stuck");
  assert.equal(fault?.code, CodeMissing.code);
  assert.match(fault?.message ?? "", /Version 1 of the saga "job"/u);
  await setup.restart({ sagas: [first, second] });
  assert.equal((await setup.until("s1", "completed")).output, "first");
  await setup.start(second, {}, "s2");
  assert.equal((await setup.outcome("s2")).output, "second");
});

const CHANGES: readonly {
  readonly name: string;
  readonly run: (s: Body) => Promise<unknown>;
  readonly says: RegExp;
}[] = [
  { name: "leaves a step out", run: (s) => s.wait("go", go, { timeoutMs: 9 }), says: /without having come to "a"/u },
  {
    name: "makes something else of a step",
    run: async (s) => {
      await s.now("a");
    },
    says: /"a" was a step, and is a now now/u,
  },
  {
    name: "puts a step before",
    run: async (s) => {
      await s.step("new", does("new"));
      await s.step("a", does("a"));
    },
    says: /comes to "new" without having come to "a"/u,
  },
];

for (const { name, run, says } of CHANGES) {
  test(`a body that does not repeat itself is stopped before it does harm: it ${name}`, async () => {
    const body = define("job", async (s) => {
      await s.step("a", does("a"));
      await s.wait("go", go, { timeoutMs: 60_000 });
      return "done";
    });
    const setup = await Setup.open({ sagas: [body] });
    await setup.start(body, {}, "s1");
    await setup.outcome("s1");
    await setup.restart({ sagas: [define("job", run)] });
    await setup.signal("s1", go, { n: 1 });
    const { fault } = await setup.until("s1", "stuck");
    assert.equal(fault?.code, Nondeterministic.code);
    assert.match(fault?.message ?? "", says);
    assert.deepEqual(setup.callees.order, ["s1/a"]);
    // The code that it began with finishes it.
    await setup.restart({ sagas: [body] });
    assert.equal((await setup.until("s1", "completed")).output, "done");
  });
}

test("refuses a name that comes twice, names that the engine uses, and outputs that do not fit", async () => {
  const twice = define("twice", async (s) => {
    await s.step("a", does("a"), { undo: () => does("unA") });
    await s.step("a", does("a"));
  });
  const named = define("named", (s) => s.step("a/undo", does("a")));
  const wrong = saga<never, "svc">()("wrong", {
    input: Nothing,
    output: t.object({ n: t.integer() }),
    run: () => Promise.resolve({ n: 0.5 }),
  });
  const setup = await Setup.open({ sagas: [twice, named, wrong] });
  await setup.start(twice, {}, "s1");
  const view = await setup.outcome("s1");
  assert.equal(view.status, "compensated");
  assert.equal(view.fault?.code, StepName.code);
  assert.match(view.fault?.message ?? "", /comes twice/u);
  await setup.start(named, {}, "s2");
  assert.equal((await setup.outcome("s2")).fault?.code, StepName.code);
  await setup.start(wrong, {}, "s3");
  assert.equal((await setup.outcome("s3")).fault?.code, OutputBroken.code);
});

test("a body that fails past the pivot is tried again, perhaps with mended code", async () => {
  const body = (fails: boolean) =>
    define("job", async (s) => {
      await s.step("a", does("a"));
      await s.pivot();
      if (fails) throw new TypeError("a bug");
      return "mended";
    });
  const setup = await Setup.open({ sagas: [body(true)] });
  await setup.start(body(true), {}, "s1");
  assert.equal((await setup.until("s1", "stuck")).fault?.code, "kernel/broken");
  await setup.restart({ sagas: [body(false)] });
  assert.equal((await setup.until("s1", "completed")).output, "mended");
  assert.deepEqual(setup.callees.order, ["s1/a"]);
});

test("an operator's end: before the pivot it turns back, past it it is left and marked", async () => {
  const before = define("before", async (s) => {
    await s.step("a", does("a"), { undo: () => does("unA") });
    await s.wait("go", go, { timeoutMs: 600_000 });
  });
  const past = define("past", async (s) => {
    await s.step("a", does("a"), { undo: () => does("unA") });
    await s.pivot();
    await s.step("ship", does("ship"));
  });
  const setup = await Setup.open({ sagas: [before, past] });
  setup.callees.behave = (op) => (op === "ship" ? "down" : "ok");
  await setup.start(before, {}, "s1");
  await setup.outcome("s1");
  await setup.drive(setup.engine.abort("s1"));
  const view = await setup.until("s1", "compensated");
  assert.equal(view.fault?.code, "saga/aborted");
  assert.deepEqual(setup.callees.standing(), []);
  await setup.start(past, {}, "s2");
  await setup.until("s2", "stuck");
  assert.equal((await setup.drive(setup.engine.abort("s2"))).id, "s2");
  assert.equal((await setup.until("s2", "aborted")).fault?.code, "saga/aborted");
  assert.deepEqual(setup.callees.standing(), ["s2/a"]);
  await assert.rejects(setup.engine.abort("s3"), (error) => SagaMissing.is(error));
  await assert.rejects(setup.engine.retry("s3"), (error) => SagaMissing.is(error));
});

test("an operator can end what no code fits any more", async () => {
  const body = define("job", (s) => s.sleep("nap", 60_000));
  const setup = await Setup.open({ sagas: [body] });
  await setup.start(body, {}, "s1");
  await setup.outcome("s1");
  await setup.restart({ sagas: [] });
  await setup.drive(setup.engine.abort("s1"));
  assert.equal((await setup.until("s1", "aborted")).fault?.code, CodeMissing.code);
});

test("an operator's retry does not wait for the next moment", async () => {
  const body = define("job", async (s) => {
    await s.pivot();
    await s.step("ship", does("ship"));
  });
  const setup = await Setup.open({ sagas: [body], limits: { backoffBaseMs: 40_000, backoffMaxMs: 3_600_000 } });
  setup.callees.behave = (_, count) => (count === 1 ? "down" : "ok");
  await setup.start(body, {}, "s1");
  await setup.drive(Promise.resolve());
  const at = setup.clock.now();
  await setup.engine.retry("s1");
  await setup.until("s1", "completed");
  assert.ok(setup.clock.now() - at < 1_000);
});

test("runs no more at a time than it may, and all in the end", async () => {
  const body = define("job", async (s) => {
    await s.step("a", does("a"));
    await s.sleep("nap", 1_000);
    await s.step("b", does("b"));
  });
  const setup = await Setup.open({ sagas: [body], limits: { concurrentMax: 3, queuedMax: 5 } });
  let most = 0;
  setup.callees.behave = () => {
    most = Math.max(most, setup.engine.stats().running);
    return "ok";
  };
  for (let n = 0; n < 40; n += 1) await setup.start(body, {}, `s${n}`);
  assert.ok(setup.engine.stats().queued <= 5);
  for (let n = 0; n < 40; n += 1) await setup.until(`s${n}`, "completed");
  assert.equal(setup.callees.order.length, 80);
  assert.ok(most <= 3, String(most));
});

test("stops: a step under way is finished and kept, none is begun, and the next start goes on", async () => {
  const body = three(() => Promise.resolve("end"));
  const setup = await Setup.open({ sagas: [body] });
  const gate = Promise.withResolvers<void>();
  const { callees } = setup;
  const answer = callees.answer.bind(callees);
  callees.answer = async (call, options) => {
    if (options.key === "s1/b") await gate.promise;
    return answer(call, options);
  };
  await setup.start(body, {}, "s1");
  await setup.drive(Promise.resolve());
  const stopping = setup.engine.stop();
  await setup.clock.advance(1_000);
  gate.resolve();
  await setup.drive(stopping);
  assert.deepEqual(callees.order, ["s1/a", "s1/b"]);
  const names = await setup.rows("SELECT name FROM isomer_saga_journal ORDER BY seq");
  assert.deepEqual(
    names.map(({ name }) => name),
    ["a", "b"],
  );
  await setup.restart({ sagas: [body] });
  assert.equal((await setup.until("s1", "completed")).output, "end");
  assert.equal(callees.seen.length, 3);
});

test("the last word is in the transaction of the end, and is repeated until it succeeds", async () => {
  let fails = 3;
  const body = saga<never, "svc">()("job", {
    input: Nothing,
    output: t.integer(),
    run: () => Promise.resolve(5),
    settled: async ({ connection }, _, outcome, { id }) => {
      await connection.run("INSERT INTO note (what) VALUES (?)", [`${id} ${JSON.stringify(outcome)}`]);
      fails -= 1;
      if (fails >= 0) throw new TypeError("not yet");
    },
  });
  const setup = await Setup.open({ sagas: [body] });
  await setup.start(body, {}, "s1");
  await setup.until("s1", "completed");
  const notes = await setup.rows("SELECT what FROM note");
  assert.deepEqual(
    notes.map(({ what }) => what),
    ['s1 {"status":"completed","output":5}'],
  );
});

test("a last word whose commit was not answered is not said again, however long the database stays silent", async () => {
  let said = 0;
  const body = saga<never, "svc">()("job", {
    input: Nothing,
    output: t.integer(),
    run: () => Promise.resolve(5),
    settled: async ({ connection }, _, { status }, { id }) => {
      said += 1;
      await connection.run("INSERT INTO note (what) VALUES (?)", [`${id} ${status} ${said}`]);
    },
  });
  const setup = await Setup.open({ sagas: [body] });
  for (const unanswered of [1, 12]) {
    const id = `s${unanswered}`;
    setup.unanswered = unanswered;
    await setup.start(body, {}, id);
    assert.equal((await setup.until(id, "completed")).output, 5);
    // By then whatever was put away would have come again.
    await setup.drive(setup.clock.advance(200_000));
    assert.deepEqual(await setup.rows(`SELECT status, wake_at FROM isomer_saga WHERE id = '${id}'`), [
      { status: "completed", wake_at: null },
    ]);
  }
  const notes = await setup.rows("SELECT what FROM note");
  assert.deepEqual(
    notes.map(({ what }) => what),
    ["s1 completed 1", "s12 completed 2"],
  );
});

test("the journal tells in which order things happened, also of undos that had to be repeated", async () => {
  let fails = 3;
  const body = define("ordered", async (s) => {
    await s.step("x", does("x"), { undo: () => does("unX") });
    await s.step("y", does("y"), { undo: () => does("unY") });
    await s.local("z", () => Promise.resolve(1), {
      undo: async () => {
        fails -= 1;
        if (fails >= 0) throw NoAnswer.with({ op: "z" });
      },
    });
    throw Refused.with({ op: "end" });
  });
  const setup = await Setup.open({ sagas: [body] });
  // For so long that the saga is put away meanwhile.
  setup.callees.behave = (op, count) => (op === "unY" && count < 9 ? "down" : "ok");
  await setup.start(body, {}, "s1");
  await setup.until("s1", "compensated");
  const entries = await setup.rows("SELECT name, seq FROM isomer_saga_journal ORDER BY seq");
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["x", "y", "z", "$turn", "z/undo", "y/undo", "x/undo"],
  );
  assert.equal(new Set(entries.map(({ seq }) => seq)).size, entries.length);
});

test("what ended long ago is deleted, with its journal, and signals to nobody", async () => {
  const body = three(() => Promise.resolve(1));
  const setup = await Setup.open({ sagas: [body, waiting] });
  await setup.start(body, {}, "s1");
  await setup.outcome("s1");
  await setup.start(waiting, {}, "s2");
  await setup.outcome("s2");
  await setup.signal("nobody", go, { n: 1 });
  const before = setup.clock.now() + 1;
  const deleted = await setup.database.write({ label: "prune" }, (connection) => pruneSagas(connection, before, 10));
  assert.equal(deleted, 1);
  assert.equal(await setup.engine.view("s1"), undefined);
  assert.equal((await setup.engine.view("s2"))?.status, "waiting");
  assert.deepEqual(await setup.rows("SELECT name FROM isomer_saga_signal"), []);
});
