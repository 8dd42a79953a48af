/** The simulated network: what is lost, late, doubled and cut, and who learns of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Unreachable } from "../transport/mod.ts";
import type { FaultKind } from "./faults.ts";
import type { Listener } from "./machine.ts";
import { type Asker, type Question, askerOf } from "./network.ts";
import { Stage, type StageOptions, outcomeOf } from "./testing/stage.ts";

/** Longer than any message takes without a fault. */
const PROMPT_MS = 10;
const OUTSIDE: Asker = { name: "outside", enter: (action) => action() };

interface Heard {
  readonly body: string;
  readonly at: number;
  readonly signal: AbortSignal;
}

/** A caller and a callee that answers with what it was asked, in capitals. */
function setup(options: StageOptions = {}) {
  const stage = new Stage(options);
  const [caller, callee] = [stage.machine("caller"), stage.machine("callee")];
  const heard: Heard[] = [];
  const answer: { with: Listener } = { with: async (body) => body.toUpperCase() };
  const start = (): void => {
    callee.born();
    callee.ports.set("calls", (body, signal) => {
      heard.push({ body, at: stage.scheduler.now, signal });
      return answer.with(body, signal);
    });
  };
  start();
  const asker = askerOf(caller, caller.born());
  const ask = (body: string, more: Partial<Question> = {}, by = asker): Promise<string> =>
    stage.network.ask(by, { to: "callee", port: "calls", what: body, about: "", body, timeoutMs: 5_000, ...more });
  return { stage, caller, callee, heard, answer, ask, start };
}

/** A stage on which one kind of fault strikes one question, and no other. */
const striking = (kind: FaultKind, occasion = "caller>callee a "): StageOptions => ({
  rates: { [kind]: 1 },
  only: new Set([`${kind}: ${occasion}`]),
});

async function unreachable(asking: Promise<string>, reason: RegExp): Promise<void> {
  await assert.rejects(asking, (error) => Unreachable.is(error) && reason.test(error.data.reason));
}

describe("a question", () => {
  test("is answered after some latency each way, and questions overtake one another", async () => {
    const { stage, ask, heard } = setup();
    const asking = Promise.all(Array.from({ length: 30 }, (_, n) => ask(`q${n}`)));
    assert.deepEqual(
      await stage.settle(asking),
      Array.from({ length: 30 }, (_, n) => `Q${n}`),
    );
    assert.ok(heard.every(({ at }) => at >= 0.3 && at < 1.5));
    assert.ok(stage.scheduler.now >= 0.6 && stage.scheduler.now < 3);
    const { events } = stage.scheduler;
    await stage.pass(60_000);
    assert.equal(stage.scheduler.events, events, "what was answered is not waited for any more");
    const order = heard.map(({ body }) => body);
    assert.notDeepEqual(
      order,
      order.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
    );
  });

  test("to nobody is refused soon", async () => {
    const { stage, ask, callee, start } = setup();
    await unreachable(stage.settle(ask("a", { port: "other" })), /nobody listens/);
    await unreachable(stage.settle(ask("b", { to: "no machine" })), /nobody listens/);
    callee.dies();
    await unreachable(stage.settle(ask("c")), /nobody listens/);
    assert.ok(stage.scheduler.now < PROMPT_MS);
    start();
    assert.equal(await stage.settle(ask("d")), "D");
  });

  test("is given up when it takes too long, and its late answer is nobody's", async () => {
    const { stage, ask, answer } = setup();
    const slow = Promise.withResolvers<string>();
    answer.with = () => slow.promise;
    await unreachable(stage.settle(ask("a", { timeoutMs: 700 })), /took too long/);
    assert.equal(stage.scheduler.now, 700);
    slow.resolve("late");
    await stage.pass(100);
  });
});

describe("a message", () => {
  test("that is lost is never heard, and the asker notices after a while", async () => {
    const { stage, ask, heard } = setup(striking("request lost"));
    const [lost, other] = [ask("a"), ask("b")];
    await unreachable(stage.settle(lost), /lost/);
    assert.ok(stage.scheduler.now >= 50 && stage.scheduler.now <= 650);
    assert.equal(await stage.settle(other), "B");
    assert.deepEqual(
      heard.map(({ body }) => body),
      ["b"],
    );
    // The same question again is another occasion.
    assert.equal(await stage.settle(ask("a")), "A");
  });

  test("that is lost on the way back was heard", async () => {
    const { stage, ask, heard } = setup(striking("reply lost"));
    await unreachable(stage.settle(ask("a")), /answer was lost/);
    assert.equal(heard.length, 1);
  });

  test("that is doubled is heard twice, and answered once, by the first", async () => {
    const { stage, ask, heard, answer } = setup(striking("request doubled"));
    answer.with = async () => `answer ${heard.length}`;
    assert.equal(await stage.settle(ask("a")), "answer 1");
    await stage.pass(2_000);
    assert.deepEqual(
      heard.map(({ body }) => body),
      ["a", "a"],
    );
    assert.ok((heard[1]?.at ?? 0) > (heard[0]?.at ?? 0));
    const mute = setup(striking("request doubled"));
    mute.answer.with = () => (mute.heard.length === 1 ? new Promise(() => {}) : Promise.resolve("of the second"));
    await unreachable(mute.stage.settle(mute.ask("a")), /took too long/);
    assert.equal(mute.heard.length, 2);
  });

  for (const [kind, where] of [
    ["request delayed", "there"],
    ["reply delayed", "back"],
  ] as const) {
    test(`that is late on its way ${where} arrives all the same (${kind})`, async () => {
      const { stage, ask, heard } = setup(striking(kind));
      const [late, prompt] = [ask("a"), ask("b")];
      assert.equal(await stage.settle(prompt), "B");
      assert.equal(await outcomeOf(late), "waits");
      assert.equal(heard.length, where === "there" ? 1 : 2);
      assert.equal(await stage.settle(late), "A");
      assert.ok(stage.scheduler.now > 3 && stage.scheduler.now < 810, String(stage.scheduler.now));
    });
  }
});

describe("a cut", () => {
  test("of one direction stops what goes there", async () => {
    const { stage, ask, heard } = setup();
    stage.network.cut("caller", "callee", 1_000);
    await unreachable(stage.settle(ask("a")), /lost/);
    assert.equal(heard.length, 0);
    assert.equal(await stage.settle(ask("b", {}, OUTSIDE)), "B");
  });

  test("of the way back lets the callee do what it was asked", async () => {
    const { stage, ask, heard } = setup();
    stage.network.cut("callee", "caller", 1_000);
    await unreachable(stage.settle(ask("a")), /answer was lost/);
    assert.equal(heard.length, 1);
  });

  test("ends by itself, is not shortened by another, and ends at once when healed", async () => {
    const { stage, ask } = setup();
    stage.network.cut("caller", "callee", 1_000);
    stage.network.cut("caller", "callee", 500);
    await stage.pass(900);
    await unreachable(stage.settle(ask("a")), /lost/);
    await stage.pass(200);
    assert.equal(await stage.settle(ask("b")), "B");
    stage.network.cut("caller", "callee", 100_000);
    stage.network.heal();
    assert.equal(await stage.settle(ask("c")), "C");
  });

  test("stops news, too", async () => {
    const { stage } = setup();
    const told: string[] = [];
    stage.network.cut("callee", "caller", 1_000);
    stage.network.tell("callee", "caller", "news", () => told.push("cut"));
    stage.network.tell("caller", "callee", "news", () => told.push("other way"));
    await stage.pass(2_000);
    stage.network.tell("callee", "caller", "news", () => told.push("later"));
    await stage.pass(PROMPT_MS);
    assert.deepEqual(told, ["other way", "later"]);
  });
});

describe("a process that dies", () => {
  test("while it is asked resets the connection at once", async () => {
    const { stage, ask, answer, callee } = setup();
    answer.with = () => new Promise(() => {});
    const asking = ask("a");
    await stage.pass(5);
    callee.dies();
    await unreachable(stage.settle(asking), /reset/);
    assert.equal(stage.scheduler.now, 5);
  });

  test("does not answer any more, even when its successor is asked the same", async () => {
    const { stage, ask, answer, callee, start } = setup();
    const ghost = Promise.withResolvers<string>();
    answer.with = () => ghost.promise;
    const asking = ask("a");
    await stage.pass(5);
    callee.dies();
    start();
    answer.with = async () => "of the living";
    await unreachable(stage.settle(asking), /reset/);
    ghost.resolve("of the dead");
    assert.equal(await stage.settle(ask("a")), "of the living");
    assert.equal(stage.history.events.filter(({ kind }) => kind === "reply").length, 1);
  });

  test("learns nothing of what it asked; what it asked is done all the same", async () => {
    const { stage, ask, caller, heard } = setup();
    const asking = ask("a");
    caller.dies();
    await stage.pass(10_000);
    assert.equal(await outcomeOf(asking), "waits");
    assert.equal(heard.length, 1);
  });

  for (const kind of ["crash on arrival", "crash before reply"] as const) {
    test(`by a drawn "${kind}" has ${kind === "crash on arrival" ? "not " : ""}done what it was asked`, async () => {
      const { stage, ask, callee, heard } = setup(striking(kind));
      await unreachable(stage.settle(ask("a")), /reset/);
      assert.equal(heard.length, kind === "crash on arrival" ? 0 : 1);
      assert.equal(callee.incarnation, undefined);
    });
  }

  test("does not hear news that was meant for it, nor does its successor", async () => {
    const { stage, callee, start } = setup();
    const told: string[] = [];
    stage.network.tell("caller", "callee", "news", () => told.push("news"));
    callee.dies();
    start();
    await stage.pass(PROMPT_MS);
    assert.deepEqual(told, []);
  });
});

describe("an asker", () => {
  test("that gives up lets the callee know, and need not wait", async () => {
    const { stage, ask, answer, heard } = setup();
    answer.with = () => new Promise(() => {});
    const abort = new AbortController();
    const asking = ask("a", { signal: abort.signal });
    await stage.pass(PROMPT_MS);
    assert.equal(heard[0]?.signal.aborted, false);
    abort.abort();
    await unreachable(stage.settle(asking), /gave up/);
    assert.equal(stage.scheduler.now, PROMPT_MS);
    assert.equal(heard[0]?.signal.aborted, false, "word of it takes its time");
    await stage.pass(PROMPT_MS);
    assert.equal(heard[0]?.signal.aborted, true);
  });

  test("that gives up is not heard through a cut, nor by a callee that stands still", async () => {
    for (const isCut of [true, false]) {
      const { stage, ask, answer, heard, callee } = setup();
      answer.with = () => new Promise(() => {});
      const abort = new AbortController();
      const asking = ask("a", { signal: abort.signal });
      await stage.pass(PROMPT_MS);
      if (isCut) stage.network.cut("caller", "callee", 100);
      else callee.pausedUntil = 100;
      abort.abort();
      await unreachable(stage.settle(asking), /gave up/);
      await stage.pass(50);
      assert.equal(heard[0]?.signal.aborted, false);
      await stage.pass(100);
      assert.equal(heard[0]?.signal.aborted, !isCut);
    }
  });

  test("that gave up before the question arrived lets it be heard as given up", async () => {
    const { stage, ask, heard } = setup(striking("request delayed"));
    const abort = new AbortController();
    const asking = ask("a", { signal: abort.signal });
    await stage.pass(0.1);
    abort.abort();
    await unreachable(stage.settle(asking), /gave up/);
    await stage.pass(1_000);
    assert.equal(heard[0]?.signal.aborted, true);
  });

  test("that gave up before it asked is not heard", async () => {
    const { stage, ask, heard } = setup();
    await unreachable(stage.settle(ask("a", { signal: AbortSignal.abort() })), /gave up/);
    await stage.pass(PROMPT_MS);
    assert.equal(heard.length, 0);
  });

  test("that has its answer does not call it off any more", async () => {
    const { stage, ask, heard } = setup();
    const abort = new AbortController();
    assert.equal(await stage.settle(ask("a", { signal: abort.signal })), "A");
    abort.abort();
    await stage.pass(PROMPT_MS);
    assert.equal(heard[0]?.signal.aborted, false);
  });

  test("that stands still hears its answer when it goes on", async () => {
    const { stage, ask, caller } = setup();
    const asking = ask("a");
    caller.pausedUntil = 400;
    await stage.pass(399);
    assert.equal(await outcomeOf(asking), "waits");
    assert.equal(await stage.settle(asking), "A");
    assert.equal(stage.scheduler.now, 400);
  });
});

test("a callee that stands still hears what it was asked when it goes on", async () => {
  const { stage, ask, callee, heard } = setup();
  callee.pausedUntil = 400;
  assert.equal(await stage.settle(ask("a")), "A");
  assert.ok((heard[0]?.at ?? 0) >= 400);
});
