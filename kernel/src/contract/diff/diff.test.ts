/** What changes of contracts mean for a deployment. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { t } from "../../schema/mod.ts";
import {
  type AccessRule,
  type ContractBase,
  anyone,
  command,
  contract,
  contractPlan,
  contractReport,
  event,
  fault,
  http,
  query,
  services,
  snapshotOf,
  user,
} from "../mod.ts";

type Parts = {
  readonly input?: Parameters<typeof command>[0]["input"];
  readonly output?: Parameters<typeof command>[0]["output"];
  readonly allow?: readonly AccessRule[];
  readonly route?: `POST /${string}`;
  readonly faults?: Parameters<typeof command>[0]["faults"];
  readonly deadlineMs?: number;
  readonly data?: Parameters<typeof event>[0]["data"];
  readonly version?: number;
  readonly keepMs?: number;
};

const DAY_MS = 24 * 3_600_000;

const INPUT = { sku: t.text({ maxLength: 20 }), note: t.optional(t.text()) };
const OUTPUT = { amount: t.integer({ minimum: 0 }), state: t.oneOf(["held", "sold"]) };
const DATA = { orderId: t.id(), total: t.integer() };

/** A contract with one command and one event, which a test varies. */
function orders(parts: Parts = {}): ContractBase {
  const { input = t.object(INPUT), output = t.object(OUTPUT), data = t.object(DATA), version = 1 } = parts;
  const upcasts = version === 1 ? {} : { upcasts: { 1: (old: never) => old } };
  const keep = parts.keepMs === undefined ? {} : { keepMs: parts.keepMs };
  return contract("orders", {
    version: "1.0.0",
    commands: {
      place: command({
        input,
        output,
        allow: parts.allow ?? [services("checkout")],
        ...(parts.route === undefined ? {} : { http: http(parts.route) }),
        ...(parts.faults === undefined ? {} : { faults: parts.faults }),
        ...(parts.deadlineMs === undefined ? {} : { deadlineMs: parts.deadlineMs }),
      }),
    },
    events: { placed: event({ key: "orderId" as never, data, version, ...upcasts, ...keep }) },
  });
}

/** The system's snapshots: checkout calls orders, mail hears it. */
function system(one: ContractBase, reliance = { uses: [] as string[], hears: [] as string[] }) {
  const empty = (name: string) => contract(name, { version: "1.0.0" });
  return [
    snapshotOf(one, reliance),
    snapshotOf(empty("checkout"), { uses: ["orders"], hears: [] }),
    snapshotOf(empty("mail"), { uses: [], hears: ["orders.placed"] }),
  ];
}

const planOf = (before: Parts, after: Parts) => contractPlan(system(orders(before)), system(orders(after)));
const pairs = (plan: ReturnType<typeof planOf>) => plan.precedences.map(({ first, second }) => `${first} < ${second}`);

const Short = (kind: "conflict" | "exhausted") =>
  fault("orders/short", { kind, data: t.object({ left: t.integer() }), message: () => "Short." });

const CASES: readonly (readonly [string, Parts, Parts, string, readonly string[]])[] = [
  ["nothing", {}, {}, "compatible", []],
  ["a longer deadline", {}, { deadlineMs: 900 }, "compatible", []],
  [
    "a new optional input",
    {},
    { input: t.object({ ...INPUT, gift: t.optional(t.boolean()) }) },
    "ordered",
    ["orders < checkout"],
  ],
  ["a new required input", {}, { input: t.object({ ...INPUT, gift: t.boolean() }) }, "breaking", []],
  ["an input that is gone", {}, { input: t.object({ sku: INPUT.sku }) }, "ordered", ["checkout < orders"]],
  [
    "an input that may be longer",
    {},
    { input: t.object({ ...INPUT, sku: t.text({ maxLength: 30 }) }) },
    "ordered",
    ["orders < checkout"],
  ],
  [
    "an input that must be shorter",
    {},
    { input: t.object({ ...INPUT, sku: t.text({ maxLength: 10 }) }) },
    "ordered",
    ["checkout < orders"],
  ],
  ["a new optional output", {}, { output: t.object({ ...OUTPUT, gift: t.optional(t.boolean()) }) }, "compatible", []],
  ["a new output", {}, { output: t.object({ ...OUTPUT, gift: t.boolean() }) }, "ordered", ["orders < checkout"]],
  ["an output that is gone", {}, { output: t.object({ state: OUTPUT.state }) }, "ordered", ["checkout < orders"]],
  [
    "a new state in the output",
    {},
    { output: t.object({ ...OUTPUT, state: t.oneOf(["held", "sold", "lost"]) }) },
    "ordered",
    ["checkout < orders"],
  ],
  ["an output of another type", {}, { output: t.object({ ...OUTPUT, amount: t.text() }) }, "breaking", []],
  ["who may call", {}, { allow: [services("checkout", "mail")] }, "ordered", ["orders < mail"]],
  ["who may not call any more", { allow: [services("checkout", "mail")] }, {}, "ordered", ["mail < orders"]],
  [
    "one caller in place of another",
    { allow: [services("mail")] },
    {},
    "ordered",
    ["mail < orders", "orders < checkout"],
  ],
  ["a fault of another kind", { faults: [Short("conflict")] }, { faults: [Short("exhausted")] }, "breaking", []],
  ["a new fault", {}, { faults: [Short("conflict")] }, "compatible", []],
  ["new data of an event", {}, { data: t.object({ ...DATA, at: t.optional(t.instant()) }) }, "compatible", []],
  ["required new data of an event", {}, { data: t.object({ ...DATA, at: t.instant() }) }, "breaking", []],
  [
    "the same with a version and an upcast",
    {},
    { data: t.object({ ...DATA, at: t.instant() }), version: 2 },
    "ordered",
    ["mail < orders"],
  ],
  ["data of an event that is gone", {}, { data: t.object({ orderId: DATA.orderId }) }, "ordered", ["mail < orders"]],
  ["events that are kept longer", { keepMs: 7 * DAY_MS }, { keepMs: 8 * DAY_MS }, "compatible", []],
  ["events that are kept for ever from now on", { keepMs: 7 * DAY_MS }, {}, "compatible", []],
  ["events that are kept less long", { keepMs: 7 * DAY_MS }, { keepMs: 6 * DAY_MS }, "ordered", ["mail < orders"]],
  ["events that were kept for ever", {}, { keepMs: 900 * DAY_MS }, "ordered", ["mail < orders"]],
  ["a route", { route: "POST /orders", allow: [user] }, { route: "POST /v1/orders", allow: [user] }, "breaking", []],
];

void describe("a change of a contract", () => {
  for (const [what, before, after, verdict, order] of CASES) {
    test(`${what}: ${verdict}${order.length === 0 ? "" : `, ${order.join(", ")}`}`, () => {
      const plan = planOf(before, after);
      assert.equal(plan.verdict, verdict, contractReport(plan));
      assert.deepEqual(pairs(plan), order, contractReport(plan));
    });
  }

  test("that clients outside cannot bear is breaking, whatever services could do", () => {
    const narrow = t.object({ ...INPUT, sku: t.text({ maxLength: 10 }) });
    const plan = planOf(
      { route: "POST /orders", allow: [anyone] },
      { route: "POST /orders", allow: [anyone], input: narrow },
    );
    assert.equal(plan.verdict, "breaking");
    assert.deepEqual(plan.changes[0]?.affects, ["callers", "callee", "clients"]);
    assert.match(plan.changes[0]?.advice ?? "", /placeV2/);
  });

  test("of how long events are kept is told of beside other changes of the event, and says what to see to", () => {
    const data = t.object({ ...DATA, at: t.instant() });
    const { changes } = planOf({ keepMs: 7 * DAY_MS }, { keepMs: 1.5 * DAY_MS, data, version: 2 });
    assert.deepEqual(
      changes.map(({ part }) => part),
      ["version", "keepMs"],
    );
    assert.equal(changes[1]?.what, "Its events stay in the log for 1.5 days, and stayed for 7 days.");
    assert.match(changes[1]?.advice ?? "", /all subscribers have heard/);
    const longer = planOf({ keepMs: DAY_MS }, { keepMs: 2 * DAY_MS });
    assert.deepEqual(
      longer.changes.map(({ part }) => part),
      ["keepMs"],
      "also what is compatible is told",
    );
  });

  test("says an operation's removal and arrival too", () => {
    const gone = contractPlan(system(orders()), system(contract("orders", { version: "2.0.0" })));
    assert.deepEqual(pairs(gone), ["checkout < orders", "mail < orders"]);
    assert.equal(gone.verdict, "ordered");
    const come = contractPlan(system(contract("orders", { version: "1.0.0" })), system(orders()));
    assert.deepEqual(pairs(come), ["orders < checkout", "orders < mail"]);
  });

  test("of a query into a command is breaking", () => {
    const asQuery = contract("orders", {
      version: "1.0.0",
      queries: { place: query({ input: t.object(INPUT), output: t.object(OUTPUT), allow: [services("checkout")] }) },
      events: orders().events as never,
    });
    assert.equal(contractPlan(system(orders()), system(asQuery)).verdict, "breaking");
  });

  test("with two orders that contradict one another is told as a circle", () => {
    const both = {
      input: t.object({ ...INPUT, gift: t.optional(t.boolean()) }),
      output: t.object({ state: OUTPUT.state }),
    };
    const plan = planOf({}, both);
    assert.equal(plan.verdict, "breaking");
    assert.deepEqual(plan.circular, ["checkout", "orders"]);
    assert.deepEqual(plan.steps, []);
  });

  test("of who uses a service: it lets in whom its build knows", () => {
    const prices = contract("prices", {
      version: "1.0.0",
      queries: { price: query({ input: t.object({}), output: t.object({}), allow: [anyone] }) },
    });
    const cart = contract("cart", { version: "1.0.0" });
    const shop = (...uses: readonly string[]) => [
      snapshotOf(prices, { uses: [], hears: [] }),
      snapshotOf(cart, { uses, hears: [] }),
    ];
    assert.deepEqual(pairs(contractPlan(shop(), shop("prices"))), ["prices < cart"]);
    assert.deepEqual(pairs(contractPlan(shop("prices"), shop())), ["cart < prices"]);
    assert.equal(contractPlan(shop("prices"), shop("prices")).verdict, "compatible");
    assert.deepEqual(
      pairs(contractPlan(shop().slice(0, 1), shop("prices"))),
      ["prices < cart"],
      "of a new service, too",
    );
  });

  test("of what a service hears: a consumer goes on where it stands", () => {
    const mail = contract("mail", { version: "1.0.0" });
    const shop = (...hears: readonly string[]) => [snapshotOf(orders()), snapshotOf(mail, { uses: [], hears })];
    const { changes, verdict } = contractPlan(shop(), shop("orders.placed"));
    assert.deepEqual(
      [changes.map(({ at, part }) => `${at} ${part}`), verdict],
      [["orders.placed hearing"], "compatible"],
    );
    assert.deepEqual(contractPlan(shop("orders.placed"), shop("orders.placed")).changes, []);
    assert.deepEqual(contractPlan(shop().slice(0, 1), shop("orders.placed")).changes, [], "one that is new hears all");
  });

  test("is told as text, with the order", () => {
    const plan = planOf({}, { output: t.object({ state: OUTPUT.state }) });
    assert.equal(
      contractReport(plan),
      [
        "ordered    orders.place output: its users first [callers, callee]",
        "           Old callers cannot read the new answers: /amount may be missing.",
        "",
        "Order of deployment:",
        "  checkout before orders (orders.place)",
        "  in steps: checkout | orders",
        "",
        "Compatible when deployed in this order.",
      ].join("\n"),
    );
  });
});
