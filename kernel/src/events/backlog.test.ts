import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backlog, type Lane } from "./backlog.ts";
import type { EventRecord } from "./event.ts";

function numbered(position: number, key: string): EventRecord {
  const id = String(position);
  return {
    id,
    service: "s",
    type: "t",
    version: 1,
    key,
    sequence: position,
    position,
    at: 0,
    data: {},
    actor: {},
    trace: undefined,
  };
}

test("lanes keep each key in order, let one at a time be taken, and know the oldest that is unfinished", () => {
  const step = fc.constantFrom("admit a", "admit b", "admit c", "take", "finish", "park", "unpark");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const backlog = new Backlog();
      const taken: Lane[] = [];
      const parked: Lane[] = [];
      const unfinished = new Set<number>();
      const lastOf = new Map<string, number>();
      let position = 0;
      for (const one of steps) {
        const lane = one === "take" ? backlog.take() : one === "unpark" ? parked.shift() : taken[0];
        if (one.startsWith("admit")) {
          position += 1;
          unfinished.add(position);
          backlog.admit(numbered(position, one.slice(-1)));
        } else if (lane === undefined) {
          continue;
        } else if (one === "take") {
          assert.ok(![...taken, ...parked].some((other) => other.key === lane.key));
          taken.push(lane);
        } else if (one === "unpark") {
          backlog.unpark(lane);
        } else {
          taken.shift();
          const at = lane.events[0]?.position ?? 0;
          if (one === "park") {
            backlog.park(lane);
            parked.push(lane);
          } else {
            assert.ok(at > (lastOf.get(lane.key) ?? 0));
            lastOf.set(lane.key, at);
            unfinished.delete(at);
            backlog.finish(lane);
          }
        }
        assert.equal(backlog.size, unfinished.size);
        assert.equal(backlog.parked, parked.length);
        assert.equal(backlog.oldest?.position, unfinished.values().next().value);
      }
    }),
  );
});
