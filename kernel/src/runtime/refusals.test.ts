/** A refusal is kept under its key: no copy of the call that comes late takes effect after the caller was refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import type { Envelope } from "../transport/mod.ts";
import { Host, defineSystem } from "./mod.ts";
import { Overdrawn, auditorService, deskService, ledgerService } from "./testing/bank.ts";

const probe = { handlerRuns: 0, received: undefined, failAuditor: 0, release: () => {} };
const system = defineSystem({
  name: "bank",
  services: [ledgerService(probe), deskService, auditorService(probe)],
  roles: {},
});

async function withHost(body: (send: (call: Partial<Envelope>) => Promise<unknown>) => Promise<void>): Promise<void> {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const host = await Host.start({ system, world: open.world, jobs: false });
  const send = (call: Partial<Envelope>) =>
    host.transport.send({
      ...{ service: "ledger", operation: "withdraw", input: { account: "a", amount: 50 }, key: "saga/take" },
      ...{ clientKey: false, attempt: 1, caller: "desk", identity: undefined, trace: undefined, signal: undefined },
      ...{ criticality: "normal" as const, deadlineAt: open.world.clock.monotonicMs() + 5_000 },
      ...call,
    });
  try {
    await body(send);
  } finally {
    await host.stop();
    open.close();
  }
}

const fill = { operation: "deposit", input: { account: "a", amount: 80 }, key: "fill" };
const look = { operation: "balance", input: { account: "a" }, key: undefined };

test("a copy that arrives after the refusal gets the refusal, though it would fit by now", async () => {
  await withHost(async (send) => {
    await assert.rejects(send({}), Overdrawn.is);
    await send(fill);
    await assert.rejects(send({}), Overdrawn.is);
    await assert.rejects(send({ attempt: 2 }), Overdrawn.is);
    assert.deepEqual(await send(look), { output: { account: "a", balance: 80 }, replayed: false });
  });
});

test("who insists is refused for now only", async () => {
  await withHost(async (send) => {
    await assert.rejects(send({ insists: true }), Overdrawn.is);
    await send(fill);
    assert.deepEqual(await send({ insists: true, attempt: 2 }), {
      output: { account: "a", balance: 30 },
      replayed: false,
    });
  });
});
