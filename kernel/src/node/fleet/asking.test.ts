/** What operators ask of all processes, over the fleet's socket; the processes are fakes that answer as they are told. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { askProcesses } from "./control-client.ts";
import { ControlServer } from "./control-server.ts";
import { noEngines } from "./engine.ts";
import { NoStreams, OtherBuild, QuestionRefused, UnknownName } from "./faults.ts";
import { type FakeFleetOptions, fakeFleet } from "./testing/fleet.ts";

async function started(context: TestContext, options: FakeFleetOptions = {}) {
  const fleet = await fakeFleet(context, options);
  await fleet.supervisor.start();
  const server = new ControlServer(fleet.supervisor);
  await server.listen();
  context.after(async () => {
    fleet.supervisor.kill();
    await server.close();
  });
  return fleet;
}

test("operators see what all processes know, and act where it can be done", async (context) => {
  const rewound: string[] = [];
  const engines = {
    ...noEngines,
    rewind: async (service: string, position: number) => void rewound.push(`${service} ${position}`),
  };
  const { folder, supervisor, said } = await started(context, { engines });
  await supervisor.changes.scale("orders", 2);
  const letter = (service: string) => ({
    ...{ service, consumer: "c", source: "s" },
    ...{ type: "t", key: "k", eventId: `e-${service}` },
  });
  const letters = { items: [letter("cart"), letter("orders")] };
  assert.deepEqual(await askProcesses(folder, { operation: "deadLetters", input: {} }), letters);
  const first = { items: [letter("cart")], next: "cart/c/s/0" };
  const few = { operation: "deadLetters", input: { limit: 1 } };
  assert.deepEqual(await askProcesses(folder, few), first, "a page of all of them, and where it goes on");
  const lag = (service: string, behind: number) => ({ service, consumer: "c", source: "s", lag: behind });
  const consumers = { items: [lag("orders", 0), lag("cart", 9)] };
  assert.deepEqual(await askProcesses(folder, { operation: "consumers", input: {} }), consumers);
  const retry = { operation: "retrySaga", service: "orders", input: { sagaId: "x" } };
  assert.deepEqual(await askProcesses(folder, retry), { by: "orders-2", operation: "retrySaga" });
  assert.ok(!said.some((text) => text.includes("not shown")), said.join());
  assert.ok(said.includes("retrySaga of orders: sagaId x"));
  const rewind = { operation: "rewindTo", service: "orders", input: { service: "orders", position: 3 } };
  assert.deepEqual(await askProcesses(folder, rewind), { position: 7 });
  assert.deepEqual(rewound, ["orders 7"]);
});

test("of replicas that are as far behind, the one that knows why is shown", async (context) => {
  const { folder, supervisor } = await started(context);
  await supervisor.changes.scale("orders", 3);
  const { items } = (await askProcesses(folder, { operation: "consumers", input: {} })) as { items: object[] };
  assert.deepEqual(items[0], { service: "orders", consumer: "c", source: "s", lag: 0, fault: "events/pruned" });
});

test("what cannot be answered is a fault that says why", async (context) => {
  const { folder, said } = await started(context);
  const elsewhere = askProcesses(folder, { operation: "retrySaga", service: "cart", input: {} });
  await assert.rejects(elsewhere, { code: "saga/elsewhere" });
  await assert.rejects(askProcesses(folder, { operation: "retrySaga", service: "nobody", input: {} }), UnknownName.is);
  const rewind = { operation: "rewindTo", service: "cart", input: { service: "cart", position: 7 } };
  await assert.rejects(askProcesses(folder, rewind), NoStreams.is);
  assert.ok(said.includes("rewindTo of cart: position 7"), "what was asked is told in words");
  assert.ok(!said.some((line) => line.includes("nobody")), "of what there is not nothing was asked");
});

test("who does not answer hides nobody else's answers, and is named", async (context) => {
  const { folder, said } = await started(context, { wrong: { orders: "broken" } });
  const answer = (await askProcesses(folder, { operation: "deadLetters", input: {} })) as Record<string, unknown>;
  assert.deepEqual(answer, {
    items: [{ service: "cart", consumer: "c", source: "s", type: "t", key: "k", eventId: "e-cart" }],
    unanswered: [{ from: "orders-1", code: "kernel/broken", message: "It is broken." }],
  });
  assert.ok(said.includes("orders-1 did not answer, and what it knows is not shown: It is broken."), said.join());
});

test("what everybody refuses because of how it was asked is refused, and not a list of nobody's", async (context) => {
  const { folder } = await started(context, { wrong: { orders: "picky", cart: "picky" } });
  await assert.rejects(askProcesses(folder, { operation: "deadLetters", input: {} }), { code: "kernel/invalid" });
});

test("a group of which nobody is ready is named", async (context) => {
  const { folder, supervisor } = await started(context, { wrong: { orders: "crash" } });
  assert.notEqual(supervisor.snapshot().rows.find(({ group }) => group === "orders")?.state, "ready");
  const answer = (await askProcesses(folder, { operation: "consumers", input: {} })) as Record<string, object[]>;
  assert.deepEqual(
    [answer["items"]?.length, answer["unanswered"]?.map((one) => "from" in one && one.from)],
    [1, ["orders"]],
  );
});

test("the process with the operator's service may ask the whole fleet, and no other", async (context) => {
  const { folder } = await started(context, { services: ["orders", "operator"] });
  // The fake asks the fleet what it is given to rebuild.
  const through = (service: string, input: object) => askProcesses(folder, { operation: "rebuild", service, input });
  const { items } = (await through("operator", { operation: "deadLetters", input: {} })) as { items: object[] };
  assert.equal(items.length, 2);
  const acted = through("operator", { operation: "redrive", service: "orders", input: {} });
  await assert.rejects(acted, { code: "saga/elsewhere" }, "it gets the fault of the process that was asked");
  await assert.rejects(through("orders", { operation: "deadLetters", input: {} }), QuestionRefused.is);
  const rewind = through("operator", { operation: "rewindTo", service: "orders", input: { position: 1 } });
  await assert.rejects(rewind, QuestionRefused.is, "what is not in its contract");
  const newer = through("operator", { operation: "divine", input: {} });
  await assert.rejects(newer, OtherBuild.is, "what only a newer build knows");
});
