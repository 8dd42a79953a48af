import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault, defineFault } from "../std/mod.ts";
import {
  countDeadLetters,
  discardDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
  redriveDeadLetters,
} from "./dead-letters.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { Hearer, type Seen, Teller, see, settle } from "./testing/setup.ts";

const Refused = defineFault({ code: "test/refused", kind: "invalid", message: () => "Refused." });
const READ = { label: "test.read" };

/** A subscriber that has refused everything so far; what it refuses now is up to the test. */
async function refused(...events: readonly Seen[]) {
  const teller = await Teller.open();
  const hearer = await Hearer.open(teller);
  await teller.tell(...events);
  const refuses = { when: (_: Seen): boolean => true };
  const consumer = hearer.consumer({
    handle: async (event, connection) => {
      await see(event, connection);
      if (refuses.when(event.data as Seen)) throw Refused.with(undefined);
    },
    limits: { attemptsMax: 1 },
  });
  await settle(teller, consumer);
  const list = (range: { after?: number; limit: number } = { limit: 100 }): Promise<DeadLetter[]> =>
    hearer.database.read(READ, (c) => listDeadLetters(c, { consumer: "hearer", source: "shop" }, range));
  return { hearer, consumer, refuses, list };
}

describe("dead letters", () => {
  test("are listed in order, in pages, and counted", async () => {
    const { hearer, list } = await refused({ id: "a", n: 1 }, { id: "b", n: 2 }, { id: "a", n: 3 });
    assert.deepEqual(
      (await list()).map((letter) => (letter.event.data as Seen).n),
      [1, 2, 3],
    );
    assert.deepEqual(
      (await list({ after: 1, limit: 1 })).map((letter) => letter.event.position),
      [2],
    );
    assert.deepEqual(await hearer.database.read(READ, countDeadLetters), new Map([["hearer", 3]]));
    assert.deepEqual(await hearer.seen(), []);
  });

  test("take effect once when they are redriven, however many do it", async () => {
    const { hearer, consumer, refuses, list } = await refused({ id: "a", n: 1 });
    const [letter] = await list();
    const id = letter?.event.id ?? "";
    refuses.when = () => false;
    const outcomes = await Promise.all([redriveDeadLetter(consumer, id), redriveDeadLetter(consumer, id)]);
    assert.deepEqual(outcomes.toSorted(), [false, true]);
    assert.deepEqual(await hearer.seenOf("a"), [1]);
    assert.deepEqual(await list(), []);
    assert.equal(await redriveDeadLetter(consumer, id), false);
  });

  test("stay, with the new reason, when they fail again", async () => {
    const { hearer, consumer, list } = await refused({ id: "a", n: 1 });
    const [before] = await list();
    await assert.rejects(
      redriveDeadLetter(consumer, before?.event.id ?? ""),
      (error) => error instanceof Fault && Refused.is(error),
    );
    const [after] = await list();
    assert.equal(after?.attempts, 2);
    assert.deepEqual(after?.event, before?.event);
    assert.deepEqual(await hearer.seen(), []);
  });

  test("are redriven together in order, a key stopping where it fails", async () => {
    const { hearer, consumer, refuses, list } = await refused(
      { id: "a", n: 1 },
      { id: "b", n: 2 },
      { id: "a", n: 3 },
      { id: "b", n: 4 },
    );
    refuses.when = ({ n }) => n === 2;
    assert.deepEqual(await redriveDeadLetters(consumer, { limit: 100 }), {
      redriven: 2,
      failed: 1,
      last: 4,
    });
    assert.deepEqual(await hearer.seenOf("a"), [1, 3]);
    assert.deepEqual(
      (await list()).map((letter) => (letter.event.data as Seen).n),
      [2, 4],
    );
    assert.deepEqual(await redriveDeadLetters(consumer, { after: 4, limit: 100 }), {
      redriven: 0,
      failed: 0,
      last: undefined,
    });
  });

  test("can be given up", async () => {
    const { hearer, list } = await refused({ id: "a", n: 1 });
    const [letter] = await list();
    const discard = () => hearer.database.write(READ, (c) => discardDeadLetter(c, "hearer", letter?.event.id ?? ""));
    assert.equal(await discard(), true);
    assert.equal(await discard(), false);
    assert.deepEqual(await list(), []);
  });
});
