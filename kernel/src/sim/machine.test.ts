/** Machines: processes that die, stand still, and live by clocks that are not right. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EPOCH_MS } from "./machine.ts";
import { Stage } from "./testing/stage.ts";

function setup() {
  const stage = new Stage();
  const machine = stage.machine("host");
  const incarnation = machine.born();
  return { stage, machine, incarnation, clock: machine.clockOf(incarnation) };
}

describe("a dead process", () => {
  test("learns nothing: not of its timers, nor of what comes soon, nor of what enters it", async () => {
    const { stage, machine, incarnation, clock } = setup();
    const learned: string[] = [];
    clock.after(10, () => learned.push("timer"));
    clock.soon(() => learned.push("soon"));
    machine.later(incarnation, 10, () => learned.push("later"));
    machine.dies();
    machine.enter(incarnation, () => learned.push("entered"));
    clock.after(10, () => learned.push("timer of the dead"));
    await stage.pass(1_000);
    assert.deepEqual(learned, []);
  });

  test("is not the one after it, on the same machine", async () => {
    const { stage, machine, incarnation, clock } = setup();
    const learned: string[] = [];
    clock.after(10, () => learned.push("first"));
    machine.dies();
    const second = machine.born();
    machine.clockOf(second).after(10, () => learned.push("second"));
    machine.enter(incarnation, () => learned.push("first"));
    await stage.pass(1_000);
    assert.deepEqual(learned, ["second"]);
    assert.deepEqual([incarnation.number, second.number], [1, 2]);
  });

  test("listens on no port, and is mourned once by those who asked to be told", () => {
    const { machine, incarnation } = setup();
    machine.ports.set("calls", async () => "never");
    const told: string[] = [];
    incarnation.onDeath(() => told.push("a"));
    incarnation.onDeath(() => told.push("b"))();
    machine.dies();
    machine.dies();
    incarnation.end();
    assert.deepEqual(told, ["a"]);
    assert.equal(machine.ports.size, 0);
    assert.equal(incarnation.alive, false);
  });

  test("that stood still when it died does not go on", async () => {
    const { stage, machine, clock } = setup();
    const learned: string[] = [];
    clock.after(10, () => learned.push("timer"));
    machine.pausedUntil = 500;
    await stage.pass(100);
    machine.dies();
    machine.clockOf(machine.born()).after(10, () => learned.push("next"));
    await stage.pass(1_000);
    assert.deepEqual(learned, ["next"]);
  });
});

describe("a process that stands still", () => {
  test("does what it missed when it goes on, in the order in which it came", async () => {
    const { stage, machine, incarnation, clock } = setup();
    const order: string[] = [];
    machine.pausedUntil = 500;
    for (let n = 0; n < 20; n += 1) clock.after(20 * n, () => order.push(`timer ${n}`));
    stage.scheduler.after(399, () => machine.enter(incarnation, () => order.push("message")));
    clock.after(500, () => order.push("timer of the moment"));
    await stage.pass(499);
    assert.equal(order.length, 0);
    await stage.pass(2);
    const timers = Array.from({ length: 20 }, (_, n) => `timer ${n}`);
    assert.deepEqual(order.slice(0, 21), [...timers, "message"]);
    assert.ok(order.includes("timer of the moment"));
  });

  test("can cancel what was due meanwhile, as if it had not stood still", async () => {
    const { stage, machine, clock } = setup();
    const order: string[] = [];
    machine.pausedUntil = 500;
    clock.after(10, () => {
      order.push("first");
      second.cancel();
    });
    const second = clock.after(20, () => order.push("second"));
    await stage.pass(1_000);
    assert.deepEqual(order, ["first"]);
  });

  test("stands still for longer when it is paused again, and goes on at once when it is healed", async () => {
    const { stage, machine, clock } = setup();
    const at: number[] = [];
    clock.after(10, () => at.push(stage.scheduler.now));
    machine.pausedUntil = 100;
    await stage.pass(50);
    machine.pausedUntil = 300;
    await stage.pass(200);
    assert.deepEqual(at, []);
    machine.pausedUntil = 0;
    await stage.pass(1);
    assert.deepEqual(at, [250]);
  });
});

describe("the clock of a machine", () => {
  test("is off by its skew, which the monotonic one does not know", async () => {
    const { stage, machine, clock } = setup();
    await stage.pass(1_000);
    assert.equal(clock.now(), EPOCH_MS + 1_000);
    machine.skewMs = -5_000;
    assert.equal(clock.now(), EPOCH_MS - 4_000);
    assert.equal(clock.monotonicMs(), 1_000);
  });

  test("that drifts counts more or less than passes, from when it begins to", async () => {
    const { stage, machine, clock } = setup();
    await stage.pass(1_000);
    machine.drift = 0.05;
    assert.equal(clock.monotonicMs(), 1_000);
    await stage.pass(1_000);
    assert.equal(clock.monotonicMs(), 2_050);
    assert.equal(clock.now(), EPOCH_MS + 2_050);
    machine.drift = 0;
    assert.equal(clock.monotonicMs(), 2_050, "it does not go back");
    await stage.pass(100);
    assert.equal(clock.monotonicMs(), 2_150);
  });

  test("fires timers by its own time, also when it begins to run otherwise while they wait", async () => {
    const { stage, machine, clock } = setup();
    const fired: number[] = [];
    machine.drift = 0.05;
    clock.after(1_050, () => fired.push(clock.monotonicMs()));
    await stage.pass(500);
    machine.drift = -0.05;
    await stage.pass(400);
    machine.drift = 0;
    await stage.pass(10_000);
    assert.equal(fired.length, 1);
    const [at = 0] = fired;
    assert.ok(at >= 1_050 && at < 1_051, String(at));
  });

  test("counts from the birth of each process", async () => {
    const { stage, machine } = setup();
    await stage.pass(1_000);
    machine.dies();
    const second = machine.born();
    await stage.pass(10);
    assert.equal(machine.clockOf(second).monotonicMs(), 10);
  });

  test("lets everything take longer on a machine that is slow", async () => {
    const { stage, machine, clock } = setup();
    const fired: number[] = [];
    machine.slowness = 3;
    clock.after(100, () => fired.push(stage.scheduler.now));
    await stage.pass(1_000);
    assert.deepEqual(fired, [300]);
  });
});
