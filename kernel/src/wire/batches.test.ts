/** When what waits is best taken: a peer that is told everything at the end of a turn has nothing to do until then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerSide } from "./caller.ts";
import { Pair, plainCall } from "./testing/pair.ts";

/** A side that calls, whose bytes are taken when it says that there are many, and what it said. */
function batching(): { readonly pair: Pair; readonly caller: CallerSide; readonly said: boolean[]; take(): void } {
  const said: boolean[] = [];
  const pair = new Pair();
  const take = (): void => {
    for (const part of caller.link.take()) pair.callee.link.receive(part.slice(), 0);
    caller.flushed(false);
  };
  const caller: CallerSide = new CallerSide({
    ...{ nowMs: 0, onWake: () => {}, onUnusable: () => {}, onFinished: () => {}, onClosed: () => {} },
    streamError: (detail) => new Error(detail),
    onOutput(isMany) {
      said.push(isMany);
      if (isMany) take();
    },
  });
  take();
  said.length = 0;
  return { pair, caller, said, take };
}

const numbers = Array.from({ length: 200 }, (_, n) => n);

void test("sixteen frames are taken at once, what is left at the end of the turn", () => {
  const { pair, caller, said, take } = batching();
  for (const part of pair.callee.link.take()) caller.link.receive(part, 0);
  for (const n of numbers.slice(0, 40)) caller.call({ ...plainCall, input: n }, 0, () => {});
  assert.deepEqual(said, [false, true, false, true, false]);
  assert.equal(pair.calls.length, 32);
  take();
  assert.equal(pair.calls.length, 40);
});

void test("calls that waited for the connection are sent in order, however often what was sent is taken meanwhile", () => {
  const { pair, caller, said, take } = batching();
  for (const n of numbers) caller.call({ ...plainCall, input: n }, 0, () => {});
  assert.equal(caller.waitingCalls, 200);
  for (const part of pair.callee.link.take()) caller.link.receive(part, 0);
  take();
  assert.equal(said.filter((isMany) => isMany).length, 12);
  assert.deepEqual(
    pair.calls.map(({ message }) => message.input),
    numbers,
  );
  assert.deepEqual([caller.waitingCalls, caller.activeCalls], [0, 200]);
});
