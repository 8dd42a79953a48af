/** A supervisor, its processes and the command may be of different builds, for a roll replaces processes only. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { type TestContext, describe, test } from "node:test";
import { askFleet, askProcesses } from "./control-client.ts";
import { socketOf } from "./control-protocol.ts";
import { OtherBuild, SupervisorSilent } from "./faults.ts";
import { fleetPaths, readFleetFile, readInstanceFile, writeFleetFile, writeInstanceFile } from "./fleet-file.ts";
import { hostMessage } from "./host-messages.ts";
import { fleetFolder } from "./testing/fleet.ts";

/** A supervisor that answers a request with what is given here, or with nothing. */
async function supervisor(context: TestContext, answerTo: (asked: string) => object | undefined): Promise<string> {
  const folder = fleetFolder(context);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (line: Buffer) => {
      const answer = answerTo((JSON.parse(line.toString()) as { do: string }).do);
      if (answer !== undefined) socket.end(`${JSON.stringify({ v: 1, ...answer })}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketOf(folder), resolve));
  context.after(() => server.close());
  return folder;
}

const snapshot = { system: "Fakes", folder: "/fleet", gateways: [], rows: [] };

describe("the command", () => {
  test("says of a supervisor that does not know a request that it is of another build", async (context) => {
    const data = { what: "request to the fleet", issues: [] };
    const unknown = { fault: { code: "kernel/invalid", kind: "invalid", message: "no", data } };
    const folder = await supervisor(context, (asked) => (asked === "ps" ? { done: true, snapshot } : unknown));
    const asked = askProcesses(folder, { operation: "consumers", input: {} });
    await assert.rejects(asked, (error) => OtherBuild.is(error) && error.data.what === "consumers");
  });

  test("hands on a fault of what was asked", async (context) => {
    const data = { what: "input of operator.sagas", issues: [] };
    const invalid = { fault: { code: "kernel/invalid", kind: "invalid", message: "no", data } };
    const folder = await supervisor(context, (asked) => (asked === "ps" ? { done: true, snapshot } : invalid));
    await assert.rejects(askProcesses(folder, { operation: "sagas", input: {} }), { code: "kernel/invalid" });
  });

  test("leaves out what a newer supervisor adds, and says so when it understands nothing", async (context) => {
    const newer = await supervisor(context, () => ({ done: true, snapshot: { ...snapshot, planet: "Earth" } }));
    assert.deepEqual(await askFleet(newer, { do: "ps" }), snapshot);
    const other = await supervisor(context, () => ({ well: "yes" }));
    await assert.rejects(askFleet(other, { do: "ps" }), OtherBuild.is);
  });

  test("does not wait for a supervisor that stands still", async (context) => {
    const folder = await supervisor(context, () => undefined);
    await assert.rejects(askFleet(folder, { do: "restart", name: "orders" }), SupervisorSilent.is);
  });
});

test("a supervisor takes messages of newer processes, without what it does not know", () => {
  assert.deepEqual(hostMessage({ type: "ready", wirePort: 7, quicPort: 8 }), { type: "ready", wirePort: 7 });
  const stats = { type: "stats", calls: 1, cpuMs: 2, rssBytes: 3 };
  assert.deepEqual(hostMessage({ ...stats, watts: 4 }), stats);
  const question = { type: "question", id: 1, operation: "sagas", input: { any: "thing" } };
  assert.deepEqual(hostMessage({ ...question, hurry: true }), question);
  assert.equal(hostMessage({ type: "sings" }), undefined);
});

test("a process reads what a newer supervisor tells, without what it does not know", (context) => {
  const folder = fleetFolder(context);
  const fleet = { version: 1 as const, system: "s", trustDomain: "t", zone: "z", gateways: [], engines: {} };
  const own = { instance: "a-1", group: "a", services: ["a"], label: "1", identityFolder: "i", dataFolder: "d" };
  const instance = { version: 1 as const, ...own, credentials: {}, secrets: { a: { key: "secret" } } };
  writeFleetFile(folder, fleet);
  writeInstanceFile(folder, instance);
  for (const path of [fleetPaths.fleet(folder), fleetPaths.instance(folder, "a-1")])
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), planet: "Earth" }));
  assert.deepEqual(readFleetFile(folder), fleet);
  assert.deepEqual(readInstanceFile(folder, "a-1"), instance);
});
