/** Jobs, on a clock that a test moves. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { contract } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { JobLoop } from "./jobs.ts";
import { Host, type Job, type JobContext, defineSystem, implement } from "./mod.ts";

type Run = (ctx: JobContext<never>) => Promise<boolean>;

const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
let host: Host;
before(async () => {
  const lonely = implement()(contract("lonely", { version: "1.0.0" }), { commands: {}, queries: {} });
  host = await Host.start({
    system: defineSystem({ name: "jobs", services: [lonely], roles: {} }),
    world: open.world,
    jobs: false,
  });
});
after(async () => {
  await host.stop();
  open.close();
});

/** A loop over a job, in a world whose clock stands still. */
function loopOf(run: Run, options: Partial<Job> = {}): { readonly loop: JobLoop; readonly clock: ManualClock } {
  const clock = new ManualClock();
  const runner = host.runner("lonely");
  const world = { ...runner.world, clock };
  const timed = new Proxy(runner, {
    get: (target, name) => (name === "world" ? world : (Reflect.get(target, name, target) as unknown)),
  });
  return { loop: new JobLoop(timed, { name: "work", everyMs: 1_000, run, ...options }), clock };
}

describe("a job", () => {
  test("runs again and again, with a pause between", async () => {
    let runs = 0;
    const { loop, clock } = loopOf(() => Promise.resolve(++runs > 1_000));
    loop.start();
    assert.equal(runs, 0);
    await clock.advance(1_100);
    assert.equal(runs, 1);
    await clock.advance(10_000);
    assert.ok(runs >= 9 && runs <= 12);
    await loop.stop();
    assert.equal(clock.pending, 0);
  });

  test("goes on at once while there is more, but not for ever", async () => {
    let runs = 0;
    const { loop } = loopOf(() => Promise.resolve(++runs > 0));
    await loop.runNow();
    assert.equal(runs, 100);
  });

  test("that has more after many runs goes on after a moment, not after its whole pause", async () => {
    const rows = { left: 250 };
    const { loop, clock } = loopOf(() => Promise.resolve((rows.left -= 1) > 0), { everyMs: 600_000 });
    loop.start();
    await clock.advance(660_000);
    // What whole pauses would have left for another twenty minutes is gone within seconds.
    for (let passed = 0; passed < 10_000; passed += 50) await clock.advance(50);
    assert.equal(rows.left, 0);
    await clock.advance(60_000);
    assert.equal(rows.left, 0);
    await loop.stop();
  });

  test("never runs twice at a time", async () => {
    let running = 0;
    let most = 0;
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const waits = gates.map(({ promise }) => promise);
    const { loop, clock } = loopOf(async () => {
      running += 1;
      most = Math.max(most, running);
      await waits.shift();
      running -= 1;
      return false;
    });
    loop.start();
    await clock.advance(1_100);
    const asked = loop.runNow();
    await clock.advance(0);
    assert.equal(running, 1);
    for (const gate of gates) gate.resolve();
    await asked;
    assert.equal(most, 1);
    await loop.stop();
  });

  test("that fails is tried again after its pause", async () => {
    let runs = 0;
    const { loop, clock } = loopOf(() => {
      runs += 1;
      return Promise.reject(new Error("broken"));
    });
    loop.start();
    await clock.advance(2_300);
    assert.equal(runs, 2);
    await loop.stop();
  });

  test("is told when its time is over", async () => {
    const { loop } = loopOf(
      (ctx) => new Promise((resolve) => ctx.signal.addEventListener("abort", () => resolve(false))),
      {
        deadlineMs: 20,
      },
    );
    await loop.runNow();
  });

  test("is stopped after the run under way, whoever asked for it, and does not begin another", async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const { loop, clock } = loopOf(async () => {
      runs += 1;
      await gate.promise;
      return true;
    });
    loop.start();
    void loop.runNow();
    await clock.advance(0);
    let isStopped = false;
    const stopped = loop.stop().then(() => (isStopped = true));
    await clock.advance(5_000);
    assert.deepEqual([runs, isStopped], [1, false]);
    gate.resolve();
    await stopped;
    await loop.runNow();
    await clock.advance(5_000);
    assert.deepEqual([runs, clock.pending], [1, 0]);
  });
});
