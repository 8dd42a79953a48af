/** The ways out of a service: what is declared, within the deadline, answers that may be kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Call, anyone, command, contract, query, user } from "../contract/mod.ts";
import { MemoryAnswers, Outbound, type SharedAnswers } from "../guard/mod.ts";
import { t } from "../schema/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import type { Envelope } from "../transport/mod.ts";
import type { Origin } from "./call-context.ts";
import { Undeclared, UnknownOperation } from "./faults.ts";
import { DEADLINE_MS, Routes } from "./outbound.ts";

const Sku = t.object({ sku: t.text() });
const Price = t.object({ amount: t.integer() });
const shop = contract("shop", {
  version: "1.0.0",
  commands: { sell: command({ input: Sku, output: Price, allow: [anyone], deadlineMs: 500 }) },
  queries: {
    price: query({ input: Sku, output: Price, allow: [anyone], cache: { maxAgeMs: 1_000 } }),
    tax: query({ input: Sku, output: Price, allow: [anyone], cache: { maxAgeMs: 1_000, sameForAll: true } }),
    code: query({
      input: Sku,
      output: t.object({ code: t.secret(t.text()) }),
      allow: [anyone],
      cache: { maxAgeMs: 1_000, sameForAll: true },
    }),
    stock: query({ input: Sku, output: Price, allow: [anyone] }),
  },
});
const other = contract("other", { version: "1.0.0", queries: { look: shop.queries.stock } });

function setup(answers?: SharedAnswers, clock = new ManualClock()) {
  const sent: Envelope[] = [];
  const routes = new Routes({
    caller: "page",
    uses: [shop],
    transport: {
      send: (envelope) => {
        sent.push(envelope);
        return Promise.resolve({ output: { amount: sent.length }, replayed: false });
      },
    },
    outbound: new Outbound({ clock, random: seededRandom(1) }),
    clock,
    ...(answers === undefined ? {} : { answers }),
  });
  const originOf = (more: Partial<Origin> = {}): Origin => ({
    caller: undefined,
    identity: undefined,
    trace: undefined,
    criticality: "high",
    deadlineAt: clock.monotonicMs() + 60_000,
    signal: undefined,
    key: "k",
    attempt: 1,
    ...more,
  });
  const price = (sku: string, subject?: string): Promise<unknown> => {
    const identity = subject === undefined ? undefined : { subject, roles: [], guest: false };
    return routes.route(shop.price({ sku })).send(shop.price({ sku }), originOf({ identity }), undefined);
  };
  const ask = (call: Call, subject: string): Promise<unknown> =>
    routes.route(call).send(call, originOf({ identity: { subject, roles: [], guest: false } }), undefined);
  return { clock, routes, sent, originOf, price, ask };
}

describe("routes", () => {
  test("lead only to operations of services that are used", () => {
    const { routes } = setup();
    assert.throws(() => routes.route(other.look({ sku: "a" })), Undeclared.is);
    assert.throws(() => routes.route({ ...shop.price({ sku: "a" }), operation: "steal" }), UnknownOperation.is);
    assert.throws(() => routes.route({ ...shop.price({ sku: "a" }), operation: "constructor" }), UnknownOperation.is);
  });

  test("carry whichever deadline is nearer, and on whose behalf the call is made", async () => {
    const { clock, routes, sent, originOf } = setup();
    const identity = { subject: "ada", roles: ["customer"], guest: false };
    const origin = originOf({ identity, attempt: 3 });
    await routes.route(shop.sell({ sku: "a" })).send(shop.sell({ sku: "a" }), origin, "key");
    await routes.route(shop.stock({ sku: "a" })).send(shop.stock({ sku: "a" }), origin, undefined);
    const soon = originOf({ deadlineAt: clock.monotonicMs() + 20 });
    await routes.route(shop.sell({ sku: "a" })).send(shop.sell({ sku: "a" }), soon, "key");
    const now = clock.monotonicMs();
    assert.deepEqual(
      sent.map(({ deadlineAt }) => deadlineAt - now),
      [500, DEADLINE_MS, 20],
    );
    const [first] = sent;
    assert.deepEqual(
      [first?.caller, first?.identity, first?.criticality, first?.key, first?.attempt, first?.clientKey],
      ["page", identity, "high", "key", 3, false],
    );
  });
});

describe("answers that are kept", () => {
  test("are kept by input and end user, for as long as the contract says", async () => {
    const { clock, sent, price } = setup();
    assert.deepEqual(await price("a"), await price("a"));
    assert.equal(sent.length, 1);
    await price("b");
    await price("a", "ada");
    await price("a", "bob");
    await price("a", "ada");
    assert.equal(sent.length, 4);
    await clock.advance(1_000);
    await price("a");
    assert.equal(sent.length, 5);
  });

  test("are copied: whoever changes one changes nobody else's", async () => {
    const { price } = setup();
    const mine = (await price("a")) as { amount: number };
    mine.amount = 0;
    assert.deepEqual(await price("a"), { amount: 1 });
  });

  test("are asked for once by all who ask at once", async () => {
    const { sent, price } = setup();
    await Promise.all([price("a"), price("a"), price("a")]);
    assert.equal(sent.length, 1);
  });
});

describe("answers that all get alike", () => {
  test("are asked for without the end user, and kept once", async () => {
    const { sent, ask } = setup();
    assert.deepEqual(await ask(shop.tax({ sku: "a" }), "ada"), await ask(shop.tax({ sku: "a" }), "bob"));
    assert.deepEqual(
      sent.map(({ identity }) => identity),
      [undefined],
    );
  });

  test("cannot be of a query that lets in only end users", () => {
    const only = { input: Sku, output: Price, allow: [user], cache: { maxAgeMs: 1_000, sameForAll: true } };
    assert.throws(() => contract("shop", { version: "1.0.0", queries: { mine: query(only) } }), /sameForAll/);
  });
});

describe("answers that hosts share", () => {
  test("are asked for once by all hosts, and no host keeps them beyond their age", async () => {
    const clock = new ManualClock();
    const answers = new MemoryAnswers(clock);
    const [one, two] = [setup(answers, clock), setup(answers, clock)];
    await one.ask(shop.tax({ sku: "a" }), "ada");
    await clock.advance(900);
    assert.deepEqual(await two.ask(shop.tax({ sku: "a" }), "bob"), { amount: 1 });
    assert.equal(two.sent.length, 0);
    await clock.advance(100);
    await two.ask(shop.tax({ sku: "a" }), "bob");
    assert.equal(two.sent.length, 1);
  });

  test("are read by what this build knows, and asked for anew where they do not fit", async () => {
    const clock = new ManualClock();
    const answers = new MemoryAnswers(clock);
    const { sent, ask } = setup(answers, clock);
    answers.put('shop.tax@1.0.0\n{"sku":"a"}', '{"amount":7,"rate":19}', 1_000);
    answers.put('shop.tax@1.0.0\n{"sku":"b"}', '{"rate":19}', 1_000);
    assert.deepEqual(await ask(shop.tax({ sku: "a" }), "ada"), { amount: 7 });
    assert.equal(sent.length, 0);
    assert.deepEqual(await ask(shop.tax({ sku: "b" }), "ada"), { amount: 1 });
    assert.equal(sent.length, 1);
  });

  test("hold nothing of an end user, and nothing secret", async () => {
    const kept: string[] = [];
    const answers: SharedAnswers = { get: async () => undefined, put: (key) => void kept.push(key) };
    const { ask, price } = setup(answers);
    await ask(shop.price({ sku: "a" }), "ada");
    await ask(shop.code({ sku: "a" }), "ada");
    assert.deepEqual(kept, []);
    await price("a");
    assert.deepEqual(kept, ['shop.price@1.0.0\n{"sku":"a"}']);
  });
});
