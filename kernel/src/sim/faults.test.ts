/** Decisions about faults: stable names, and each decision by itself. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAULT_KINDS, type FaultRecord, Faults, faultId } from "./faults.ts";
import { forkedRandom } from "./random.ts";
import { drawRates } from "./swarm.ts";
import { onlyRates } from "./testing/stage.ts";

const RATES = onlyRates({ "request lost": 0.1, "reply lost": 0.2, "commit unknown": 0.05 });

function faultsOf(seed: number, only?: ReadonlySet<string>) {
  const told: FaultRecord[] = [];
  const faults = new Faults({ seed, rates: RATES, only, now: () => 12, onFault: (fault) => void told.push(fault) });
  return { faults, told };
}

/** Meets a thousand occasions, and gives what happened. */
function meet(faults: Faults, start = 0): string[] {
  for (let n = start; n < 1_000; n += 1) {
    const occasion = faults.occasion(`a>b call ${n}`);
    for (const kind of ["request lost", "reply lost", "commit unknown", "kill"] as const)
      faults.strikes(kind, occasion);
  }
  return faults.happened.map(faultId);
}

describe("faults", () => {
  test("are decided by seed, kind and occasion alone", () => {
    const first = meet(faultsOf(1).faults);
    assert.deepEqual(meet(faultsOf(1).faults), first);
    assert.notDeepEqual(meet(faultsOf(2).faults), first);
    // 1,000 occasions at 0.1, 0.2 and 0.05.
    assert.ok(first.length > 250 && first.length < 450, String(first.length));
    assert.ok(first.every((id) => !id.startsWith("kill")));
    // Those who meet fewer occasions find the others as they were.
    const later = new Set(first.filter((id) => Number(id.slice(id.lastIndexOf(" "))) >= 500));
    assert.deepEqual(new Set(meet(faultsOf(1).faults, 500)), later);
  });

  test("of one kind say nothing about those of another", () => {
    const rates = onlyRates({ "request lost": 0.2, "reply lost": 0.2 });
    const faults = new Faults({ seed: 1, rates, now: () => 0, onFault: () => {} });
    let both = 0;
    for (let n = 0; n < 1_000; n += 1) {
      const occasion = faults.occasion(`a>b call ${n}`);
      const [one, other] = [faults.strikes("request lost", occasion), faults.strikes("reply lost", occasion)];
      if (one && other) both += 1;
    }
    // 40 by chance, 200 if one decided both.
    assert.ok(both > 10 && both < 80, String(both));
  });

  test("are told as they happen, with the moment", () => {
    const { faults, told } = faultsOf(1);
    meet(faults);
    assert.deepEqual(told, faults.happened);
    assert.ok(told.length > 0 && told.every(({ at }) => at === 12));
  });

  test("that are left out leave all others as they were", () => {
    const all = meet(faultsOf(1).faults);
    for (const dropped of all.filter((_, index) => index % 40 === 0)) {
      const rest = all.filter((id) => id !== dropped);
      assert.deepEqual(meet(faultsOf(1, new Set(rest)).faults), rest);
    }
    assert.deepEqual(meet(faultsOf(1, new Set(all.slice(3, 5))).faults), all.slice(3, 5));
    assert.deepEqual(meet(faultsOf(1, new Set()).faults), []);
  });

  test("that are planned happen unless they are left out", () => {
    assert.equal(faultsOf(1).faults.happens("kill", "host 1"), true);
    assert.equal(faultsOf(1, new Set(["kill: host 1"])).faults.happens("kill", "host 1"), true);
    const { faults, told } = faultsOf(1, new Set(["kill: host 2"]));
    assert.equal(faults.happens("kill", "host 1"), false);
    assert.deepEqual([faults.happened, told], [[], []]);
  });

  test("are over when they are healed", () => {
    const { faults } = faultsOf(1);
    faults.healed = true;
    assert.deepEqual(meet(faults), []);
  });

  test("have amounts that depend on what is asked and on the occasion, not on what was asked before", () => {
    const { faults } = faultsOf(1);
    const late = faults.amount("late", "a>b call");
    assert.ok(late >= 0 && late < 1);
    assert.notEqual(faults.amount("gap", "a>b call"), late);
    assert.notEqual(faults.amount("late", "a>b other"), late);
    assert.notEqual(faultsOf(2).faults.amount("late", "a>b call"), late);
    assert.equal(faults.amount("late", "a>b call"), late);
    assert.equal(faultsOf(1, new Set()).faults.amount("late", "a>b call"), late);
  });
});

describe("occasions", () => {
  const id = (time: string): string => `${time}-7abc-8def-0123456789ab`;

  test("leave out the time that ids begin with, wherever they stand", () => {
    const { faults } = faultsOf(1);
    const [early, late] = [id("01923456-789a"), id("0199ffff-0000")];
    assert.equal(faults.occasion(`a>b orders.place ${early}`), "a>b orders.place 0123456789ab");
    assert.equal(faults.occasion(`${late}/reserve ${early}.`), "0123456789ab/reserve 0123456789ab.");
    assert.equal(faults.occasion(`saga:${early}:undo:${late}`), "saga:0123456789ab:undo:0123456789ab");
  });

  test("are counted where they come again, also when only the time of their ids differs", () => {
    const { faults } = faultsOf(1);
    const names = [id("01923456-789a"), id("0199ffff-0000"), id("01923456-789a")].map((one) =>
      faults.occasion(`call ${one}`),
    );
    assert.deepEqual(names, ["call 0123456789ab", "call 0123456789ab #2", "call 0123456789ab #3"]);
    assert.equal(faults.occasion("call"), "call");
    assert.equal(faults.occasion("call other"), "call other");
  });

  test("of one name are decided about one by one", () => {
    const { faults } = faultsOf(1);
    const struck = Array.from({ length: 200 }, () => faults.strikes("reply lost", faults.occasion("again")));
    const count = struck.filter(Boolean).length;
    assert.ok(count > 15 && count < 70, String(count));
  });
});

describe("rates", () => {
  test("are a run's own: each kind is absent in some runs and present in others", () => {
    const drawn = Array.from({ length: 300 }, (_, seed) => drawRates(forkedRandom(seed, "swarm")));
    for (const kind of FAULT_KINDS) {
      const present = drawn.filter((rates) => rates[kind] > 0).length;
      assert.ok(present > 140 && present < 260, `${kind}: ${present}`);
    }
    assert.ok(
      drawn.some((rates) => FAULT_KINDS.every((kind) => rates[kind] === 0)),
      "some runs are calm",
    );
    assert.deepEqual(drawRates(forkedRandom(5, "swarm")), drawn[5]);
  });

  test("that are given are not drawn, and leave the others as they were", () => {
    const [free, given] = [{}, { kill: 9 }].map((overrides) => drawRates(forkedRandom(5, "swarm"), overrides));
    assert.deepEqual(given, { ...free, kill: 9 });
  });
});
