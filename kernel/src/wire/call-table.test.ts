import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CallTable } from "./call-table.ts";

interface Call {
  readonly id: number;
}

/** What is done to a table: calls come with growing ids, and end in any order, some of them never. */
const stepsOf = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant("add" as const) }, fc.nat({ max: 500 })), {
  maxLength: 2_000,
  size: "max",
});

void test("a table of calls holds what a map would hold", () => {
  fc.assert(
    fc.property(stepsOf, (steps) => {
      const table = new CallTable<Call>();
      const map = new Map<number, Call>();
      let lastId = 0;
      for (const step of steps) {
        if (step === "add") {
          const call = { id: (lastId += 1) };
          table.add(call);
          map.set(call.id, call);
        } else {
          const call = [...map.values()][step % Math.max(1, map.size)] ?? { id: lastId + 1 };
          table.delete(call);
          map.delete(call.id);
        }
        assert.equal(table.size, map.size);
      }
      for (let id = 1; id <= lastId + 1; id += 1) assert.equal(table.get(id), map.get(id));
      assert.deepEqual(new Set(table.values()), new Set(map.values()));
    }),
    { numRuns: 50 },
  );
});

void test("one call that takes long does not make a table grow with those that come and go meanwhile", () => {
  const table = new CallTable<Call>();
  const long = { id: 1 };
  table.add(long);
  for (let id = 2; id <= 100_000; id += 1) {
    const call = { id };
    table.add(call);
    assert.equal(table.get(id), call);
    table.delete(call);
  }
  assert.deepEqual(table.values(), [long]);
  table.clear();
  assert.equal(table.size, 0);
  assert.equal(table.get(1), undefined);
});
