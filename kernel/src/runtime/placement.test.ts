/** Services placed in several hosts mean the same as in one. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Identity } from "../contract/mod.ts";
import type { LogSource } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { openWorld } from "../node/world.ts";
import { Forbidden, Unauthenticated } from "../security/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { type Envelope, type Transport, Unreachable } from "../transport/mod.ts";
import { Host, type HostOptions, UnknownOperation, defineSystem } from "./mod.ts";
import { Overdrawn, type Probe, auditorService, deskService, ledgerService } from "./testing/bank.ts";

const alice: Identity = { subject: "alice", roles: ["customer"], guest: false };

interface Fleet {
  readonly hosts: readonly Host[];
  readonly broker: MemoryBroker;
  /** Calls that went from host to host. */
  readonly sent: Envelope[];
}

/** Hosts with these services each, in one program: calls between them go by hand, events over a broker in memory. */
async function fleet(context: TestContext, ...places: readonly (readonly string[])[]): Promise<Fleet> {
  const probe: Probe = { handlerRuns: 0, received: undefined, failAuditor: 0, release: () => {} };
  const services = [ledgerService(probe), deskService, auditorService(probe)];
  const system = defineSystem({ name: "bank", services, roles: { customer: [] } });
  const [hosts, sent, broker]: [Host[], Envelope[], MemoryBroker] = [[], [], new MemoryBroker()];
  const transport: Transport = {
    async send(envelope) {
      sent.push(envelope);
      const host = hosts.find((one) => one.has(envelope.service));
      if (host === undefined) throw Unreachable.with({ service: envelope.service, reason: "nobody has it" });
      return host.transport.send(envelope);
    },
  };
  for (const place of places) {
    const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
    context.after(() => open.close());
    const host = await Host.start({ system, world: open.world, jobs: false, place, elsewhere: { transport, broker } });
    context.after(() => host.stop());
    hosts.push(host);
  }
  return { hosts, broker, sent };
}

const deposit = (account: string, amount: number) => ({
  ...{ service: "ledger", operation: "deposit", input: { account, amount }, identity: alice },
});
const balanceOf = async (host: Host, account: string): Promise<unknown> =>
  (await host.invoke({ service: "ledger", operation: "balance", input: { account }, identity: alice })).output;

/** What the auditor has seen of an account, once it has seen this many changes. */
async function seenOf(host: Host, account: string, count: number): Promise<unknown> {
  for (;;) {
    const { output } = await host.invoke({ service: "auditor", operation: "seen", input: { account } });
    if ((output as { count: number }).count >= count) return output;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a host runs the services that are placed in it, and opens no other's database", async (context) => {
  const { hosts } = await fleet(context, ["ledger", "auditor"], ["desk"], []);
  assert.deepEqual(
    hosts.map((host) => [...host.databases().keys()].toSorted()),
    [["auditor", "ledger"], ["desk"], []],
  );
  assert.deepEqual(
    hosts.map((host) => ["ledger", "desk"].map((service) => host.has(service))),
    [
      [true, false],
      [false, true],
      [false, false],
    ],
  );
});

test("a call goes to where its service is, from services and from the edge, and stays where it can", async (context) => {
  const { hosts, sent } = await fleet(context, ["ledger", "auditor"], ["desk"], []);
  const [ledgers, , gateway] = hosts as [Host, Host, Host];
  await ledgers.invoke(deposit("alice", 5));
  assert.equal(sent.length, 0);
  const answer = await gateway.invoke({
    ...{ service: "desk", operation: "callBefore", input: { account: "alice" } },
  });
  assert.deepEqual(answer.output, { account: "alice", balance: 6 });
  assert.deepEqual(
    sent.map(({ service, operation, caller }) => [service, operation, caller]),
    [
      ["desk", "callBefore", undefined],
      ["ledger", "deposit", "desk"],
    ],
  );
  assert.deepEqual(await balanceOf(gateway, "alice"), { account: "alice", balance: 6 });
});

test("faults, keys and refusals are the same from afar", async (context) => {
  const { hosts } = await fleet(context, ["ledger", "auditor", "desk"], []);
  for (const [index, host] of hosts.entries()) {
    const account = `alice ${index}`;
    const internal = { service: "ledger", operation: "internal", input: {} };
    const asAlice = { identity: { ...alice, subject: account }, key: `key ${index}` };
    const first = await host.invoke({ ...deposit(account, 5), ...asAlice });
    const again = await host.invoke({ ...deposit(account, 5), ...asAlice });
    assert.deepEqual([first.replayed, again.replayed, again.output], [false, true, first.output]);
    const withdraw = { service: "ledger", operation: "withdraw", input: { account, amount: 6 } };
    const overdrawn = await host
      .invoke({ ...withdraw, ...asAlice, key: `w ${index}` })
      .catch((error: unknown) => error);
    assert.ok(Overdrawn.is(overdrawn));
    assert.deepEqual(overdrawn.data, { account, balance: 5 });
    await assert.rejects(host.invoke({ ...internal, identity: alice }), Forbidden.is);
    await assert.rejects(host.invoke({ ...deposit(account, 1), identity: undefined } as never), Unauthenticated.is);
    await assert.rejects(host.invoke({ service: "ledger", operation: "nothing", input: {} }), UnknownOperation.is);
  }
});

test("events get to services elsewhere over the broker, and to those beside from the log", async (context) => {
  const { hosts, broker } = await fleet(context, ["ledger"], ["auditor"], ["desk"]);
  const [ledgers, auditors] = hosts as [Host, Host, Host];
  assert.equal(auditors.source("ledger").isCopy, true);
  assert.notEqual(ledgers.source("ledger").isCopy, true);
  for (let n = 0; n < 5; n += 1) await ledgers.invoke(deposit("alice", 10));
  assert.deepEqual(await seenOf(auditors, "alice", 5), { count: 5, last: 50 });
  assert.equal(broker.positions("ledger").length, 5);
  const beside = await fleet(context, ["ledger", "auditor"], ["desk"]);
  const go = Promise.withResolvers<void>();
  beside.broker.beforeAppend = () => go.promise;
  const [both] = beside.hosts as [Host, Host];
  await both.invoke(deposit("alice", 1));
  assert.deepEqual(await seenOf(both, "alice", 1), { count: 1, last: 1 });
  assert.deepEqual(beside.broker.positions("ledger"), []);
  go.resolve();
});

test("a saga whose steps are elsewhere ends, and turns back, as it would here", async (context) => {
  const { hosts } = await fleet(context, ["ledger", "auditor"], ["desk"], []);
  const [ledgers, , gateway] = hosts as [Host, Host, Host];
  await ledgers.invoke(deposit("alice", 10));
  const transfer = async (to: string): Promise<unknown> => {
    const input = { from: "alice", to, amount: 4 };
    const { output } = await gateway.invoke({ service: "desk", operation: "transfer", input });
    const status = { service: "desk", operation: "transferStatus", input: output };
    for (;;) {
      const { output: now } = await gateway.invoke(status);
      if (now !== "running" && now !== "compensating") return now;
    }
  };
  assert.equal(await transfer("bob"), "completed");
  assert.equal(await transfer("nowhere"), "compensated");
  assert.deepEqual(await balanceOf(ledgers, "alice"), { account: "alice", balance: 6 });
});

test("a host that stops brings nothing more to the broker", async (context) => {
  const { hosts, broker } = await fleet(context, ["ledger"], ["auditor", "desk"]);
  const [ledgers] = hosts as [Host, Host];
  await ledgers.invoke(deposit("alice", 1));
  await ledgers.stop();
  const before = broker.appended.length;
  broker.forget("ledger", 0);
  (ledgers.source("ledger") as LogSource).notify();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(broker.appended.length, before);
});

test("a service that the system does not have cannot be placed, and one placed nowhere is not found", async (context) => {
  await assert.rejects(fleet(context, ["ledger", "nobody"]), TypeError);
  const probe: Probe = { handlerRuns: 0, received: undefined, failAuditor: 0, release: () => {} };
  const services = [ledgerService(probe), deskService, auditorService(probe)];
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const system = defineSystem({ name: "bank", services, roles: { customer: [] } });
  const options: HostOptions = { system, world: open.world, jobs: false, place: ["ledger"] };
  const host = await Host.start(options);
  await assert.rejects(host.invoke({ service: "desk", operation: "share", input: {} }), UnknownOperation.is);
  await host.stop();
  open.close();
});
