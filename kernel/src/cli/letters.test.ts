/** Which dead letters are tried again, in which order, and what is said of those that fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LetterUnknown, LettersLeft, NoAnswer, NoFleet } from "../node/fleet/mod.ts";
import { defineFault } from "../std/mod.ts";
import { type Decision, type Letter, decideLetters } from "./letters.ts";

const Refused = defineFault({ code: "test/refused", kind: "invalid", message: () => "Refused." });

const letter = (eventId: string, key: string, more: Partial<Letter> = {}): Letter => ({
  ...{ service: "cart", consumer: "cart", source: "orders", type: "placed", eventId, key },
  ...more,
});

/** A fleet with these letters, two on a page, and what it does with some. */
function fleetOf(all: readonly Letter[], outcomes: Readonly<Record<string, Error | false>> = {}) {
  const tried: string[] = [];
  const said: string[] = [];
  const decide = (decision: Decision): Promise<string> =>
    decideLetters(decision, {
      page: (after) => {
        const start = after === undefined ? 0 : Number(after);
        const next = start + 2 < all.length ? { next: String(start + 2) } : {};
        return Promise.resolve({ items: all.slice(start, start + 2), ...next });
      },
      decide: (operation, { eventId, service }) => {
        tried.push(`${operation} ${eventId}`);
        const outcome = outcomes[eventId] ?? outcomes[service];
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome !== false);
      },
      say: (text) => said.push(text),
    });
  return { tried, said, decide };
}

test("one letter that fails again holds the later ones of its key back, and nobody else's", async () => {
  const all = [
    letter("1", "a"),
    letter("2", "b"),
    letter("3", "a"),
    letter("4", "b"),
    // Another subscriber of the same event has an order of its own.
    letter("1", "a", { consumer: "mail" }),
    letter("5", "a", { service: "search", consumer: "search" }),
  ];
  const { tried, decide } = fleetOf(all, { "2": Refused.with(undefined), "5": false });
  await assert.rejects(decide({ do: "redrive", event: "all" }), (error) => {
    assert.ok(LettersLeft.is(error));
    const [counts, reason] = error.message.split("\n");
    assert.equal(counts, "3 of 6 handled, 1 gone already, 1 failed again, 1 left behind those:");
    assert.equal(reason, '  2 (orders.placed "b" for cart): test/refused: Refused.');
    return true;
  });
  assert.deepEqual(
    tried,
    ["1", "2", "3", "1", "5"].map((id) => `redrive ${id}`),
  );
});

test("when all are handled it says how many", async () => {
  assert.equal(
    await fleetOf([letter("1", "a"), letter("2", "a")]).decide({ do: "redrive", event: "all" }),
    "2 of 2 handled",
  );
  assert.equal(await fleetOf([]).decide({ do: "redrive", event: "all" }), "0 of 0 handled");
  const one = fleetOf([letter("1", "a"), letter("2", "a"), letter("1", "a", { consumer: "mail" })]);
  assert.equal(await one.decide({ do: "discard", event: "1" }), "2 of 2 discarded");
  assert.deepEqual(one.tried, ["discard 1", "discard 1"]);
});

test("a letter that there is not is told of, and all are never discarded", async () => {
  for (const decision of [{ do: "redrive", event: "7" } as const, { do: "discard", event: "all" } as const]) {
    const { tried, decide } = fleetOf([letter("1", "a")]);
    await (decision.event === "all"
      ? decide(decision)
      : assert.rejects(decide(decision), (error) => LetterUnknown.is(error) && error.data.known[0] === "1"));
    assert.deepEqual(tried, []);
  }
});

test("a service that does not answer is waited for once, and others are asked", async () => {
  const away = { cart: NoAnswer.with({ instance: "cart-1" }) };
  const { tried, decide } = fleetOf([letter("1", "a"), letter("2", "b"), letter("3", "a", { service: "mail" })], away);
  await assert.rejects(decide({ do: "redrive", event: "all" }), /1 of 3 handled, 1 failed again, 1 left behind those/);
  assert.deepEqual(tried, ["redrive 1", "redrive 3"]);
});

test("a fleet that ends meanwhile ends it, and what was done is told", async () => {
  const { said, decide } = fleetOf([letter("1", "a"), letter("2", "b")], { "2": NoFleet.with({ folder: "x" }) });
  await assert.rejects(decide({ do: "redrive", event: "all" }), NoFleet.is);
  assert.deepEqual(said, ["1 of 2 handled, 1 left"]);
});
