/** Several hosts run the same services on the same databases: all serve, one leads, and everything takes effect once. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Identity } from "../contract/mod.ts";
import type { Hints } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { systemClock } from "../node/clock.ts";
import { openWorld } from "../node/world.ts";
import { SagaElsewhere } from "../saga/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { Host, defineSystem } from "./mod.ts";
import { type Probe, auditorService, deskService, ledgerService } from "./testing/bank.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

const alice: Identity = { subject: "alice", roles: ["customer"], guest: false };

/** Hints within one program. */
function memoryHints(): Hints {
  const listeners = new Map<string, Set<() => void>>();
  return {
    tell: (topic) => {
      for (const listener of listeners.get(topic) ?? []) setImmediate(listener);
    },
    onTold: (topic, listener) => {
      const all = listeners.get(topic) ?? new Set();
      listeners.set(topic, all.add(listener));
      return () => all.delete(listener);
    },
  };
}

async function replicas(context: TestContext, names: readonly string[]): Promise<readonly Host[]> {
  const probe: Probe = { handlerRuns: 0, received: undefined, failAuditor: 0, release: () => {} };
  const services = [ledgerService(probe), deskService, auditorService(probe)];
  const system = defineSystem({ name: "bank", services, roles: { customer: [] } });
  const shared = sharedStorage({ clock: systemClock() });
  const [hosts, broker, hints]: [Host[], MemoryBroker, Hints] = [[], new MemoryBroker(), memoryHints()];
  for (const replica of names) {
    const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
    context.after(() => open.close());
    const world = { ...open.world, storage: shared.storage };
    const transport = { send: () => assert.fail("everything is placed here") };
    hosts.push(await Host.start({ system, world, replica, elsewhere: { transport, broker, hints } }));
  }
  context.after(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await shared.close();
  });
  return hosts;
}

const deposit = (host: Host, account: string, amount: number, key?: string) =>
  host.invoke({
    ...{ service: "ledger", operation: "deposit", input: { account, amount }, identity: alice },
    ...(key === undefined ? {} : { key }),
  });

async function seen(host: Host, account: string): Promise<{ count: number; last: number }> {
  const { output } = await host.invoke({ service: "auditor", operation: "seen", input: { account } });
  return output as { count: number; last: number };
}

async function transfer(host: Host, to: string): Promise<string> {
  const input = { from: "alice", to, amount: 1 };
  const { output } = await host.invoke({ service: "desk", operation: "transfer", input });
  return (output as { sagaId: string }).sagaId;
}

async function outcome(host: Host, sagaId: string): Promise<unknown> {
  for (;;) {
    const status = { service: "desk", operation: "transferStatus", input: { sagaId } };
    const { output } = await host.invoke(status);
    if (output !== "running" && output !== "compensating") return output;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

test("all serve; events that any of them recorded are heard once", async (context) => {
  const [one, two] = (await replicas(context, ["bank-1", "bank-2"])) as [Host, Host];
  for (let n = 0; n < 5; n += 1) {
    await deposit(one, "alice", 1);
    await deposit(two, "alice", 1);
  }
  await until(async () => (await seen(two, "alice")).count >= 10);
  assert.deepEqual(await seen(one, "alice"), { count: 10, last: 10 });
});

test("a command that is repeated at another replica has its effect once", async (context) => {
  const [one, two] = (await replicas(context, ["bank-1", "bank-2"])) as [Host, Host];
  const replies = await Promise.all([deposit(one, "alice", 5, "key"), deposit(two, "alice", 5, "key")]);
  assert.deepEqual(replies[0].output, replies[1].output);
  assert.deepEqual((await deposit(two, "alice", 1)).output, { account: "alice", balance: 6 });
});

test("a saga that a follower starts is run by the leader, and the follower learns how it ended", async (context) => {
  const [one, two] = (await replicas(context, ["bank-1", "bank-2"])) as [Host, Host];
  await deposit(one, "alice", 2);
  const [good, bad] = [await transfer(two, "bob"), await transfer(two, "nowhere")];
  assert.equal(await outcome(two, good), "completed");
  assert.equal(await outcome(two, bad), "compensated");
  const engines = [one, two].map((host) => host.sagas().get("desk") ?? assert.fail());
  await assert.rejects(engines[1]!.abort(good), SagaElsewhere.is);
  assert.equal((await engines[1]!.view(good))?.status, "completed");
});

test("when the leader ends, another goes on with its events and sagas", async (context) => {
  const [one, two] = (await replicas(context, ["bank-1", "bank-2"])) as [Host, Host];
  await deposit(one, "alice", 3);
  await one.stop();
  const id = await transfer(two, "bob");
  assert.equal(await outcome(two, id), "completed");
  await until(async () => (await seen(two, "bob")).count === 1);
});
