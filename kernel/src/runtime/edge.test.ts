/** Calls from the edge into a fleet: what an envelope has, and how it is repeated. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BreakerOpen, DeadlineExceeded, Overloaded } from "../guard/mod.ts";
import { Metrics } from "../observe/mod.ts";
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { type Envelope, type Reply, Unreachable } from "../transport/mod.ts";
import { Edge } from "./edge.ts";
import { type Invocation, UnknownOperation, defineSystem } from "./mod.ts";
import { Overdrawn, type Probe, auditorService, deskService, ledgerService } from "./testing/bank.ts";

const probe: Probe = { handlerRuns: 0, received: undefined, failAuditor: 0, release: () => {} };
const system = defineSystem({
  name: "bank",
  services: [ledgerService(probe), deskService, auditorService(probe)],
  roles: { customer: [] },
});
const lost = (): Error => Unreachable.with({ service: "ledger", reason: "test" });

/** An edge over a transport that answers with what it is told, in order; then it answers well. */
function setup(context: TestContext, ...answers: readonly (Error | Reply)[]) {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  context.after(() => open.close());
  const clock = new ManualClock();
  const sent: Envelope[] = [];
  const left = [...answers];
  const edge = new Edge({
    system,
    world: { ...open.world, clock },
    metrics: new Metrics(),
    transport: {
      async send(envelope) {
        sent.push(envelope);
        const answer = left.shift() ?? { output: "done", replayed: false };
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  });
  const invoke = (call: Partial<Invocation> & Pick<Invocation, "operation">): Promise<Reply> =>
    clock.until(edge.invoke({ service: "ledger", input: {}, ...call }));
  return { edge, clock, sent, invoke };
}

const deposit = { operation: "deposit", input: { account: "a", amount: 1 } };

test("a call goes out with all that travels with it", async (context) => {
  const { sent, clock, invoke } = setup(context, { output: { balance: 1 }, replayed: true });
  const abort = new AbortController();
  const identity = { subject: "alice", roles: ["customer"], guest: false };
  const more = { identity, key: "k1", criticality: "high", signal: abort.signal, deadlineMs: 700 } as const;
  const start = clock.monotonicMs();
  assert.deepEqual(await invoke({ ...deposit, ...more }), { output: { balance: 1 }, replayed: true });
  assert.deepEqual(sent, [
    {
      ...{ service: "ledger", ...deposit, key: "k1", clientKey: true, attempt: 1, deadlineAt: start + 700 },
      mayBeStale: false,
      ...{ caller: undefined, identity, trace: undefined, criticality: "high", signal: abort.signal },
    },
  ]);
});

test("a command always has a key, which nobody is said to have chosen when nobody did; a query has none", async (context) => {
  const { sent, invoke } = setup(context);
  await invoke(deposit);
  await invoke(deposit);
  await invoke({ operation: "internal", key: "of no use" });
  const [first, second, third] = sent;
  assert.match(first?.key ?? "", /^[0-9a-f-]{36}$/);
  assert.notEqual(first?.key, second?.key);
  assert.deepEqual([first?.clientKey, first?.criticality, third?.key], [false, "normal", undefined]);
});

test("a call may take as long as its contract says, and no longer", async (context) => {
  const { sent, clock, invoke } = setup(context);
  const start = clock.monotonicMs();
  await invoke({ operation: "slow", deadlineMs: 60_000 });
  await invoke({ operation: "slow" });
  await invoke({ operation: "slow", deadlineMs: 100 });
  await invoke({ operation: "internal" });
  assert.deepEqual(
    sent.map(({ deadlineAt }) => deadlineAt - start),
    [200, 200, 100, 2_000],
  );
});

test("what got no answer is repeated with the same key within the same deadline", async (context) => {
  const { sent, invoke } = setup(context, lost(), lost());
  assert.equal((await invoke(deposit)).output, "done");
  assert.deepEqual(
    sent.map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  assert.equal(new Set(sent.map(({ key }) => key)).size, 1);
  assert.equal(new Set(sent.map(({ deadlineAt }) => deadlineAt)).size, 1);
});

test("what was answered with a fault of the domain is not repeated", async (context) => {
  const { sent, invoke } = setup(context, Overdrawn.with({ account: "a", balance: 0 }));
  await assert.rejects(invoke(deposit), Overdrawn.is);
  assert.equal(sent.length, 1);
});

test("an operation that does not answer is left alone for a while, by itself", async (context) => {
  const { sent, clock, invoke } = setup(context, ...Array.from({ length: 400 }, lost));
  let isLeftAlone = false;
  for (let n = 0; n < 60 && !isLeftAlone; n += 1) {
    await clock.advance(200);
    isLeftAlone = BreakerOpen.is(await invoke(deposit).catch((error: unknown) => error));
  }
  assert.ok(isLeftAlone);
  const before = sent.length;
  await assert.rejects(invoke({ operation: "internal" }), Unreachable.is);
  assert.ok(sent.length > before, "others are asked");
});

test("an operation that refuses for load is asked less, by itself, and what is critical is sent all the same", async (context) => {
  const busy = (): Error => Overloaded.with({ retryAfterMs: 60_000 });
  const { sent, clock, invoke } = setup(context, ...Array.from({ length: 1_000 }, busy));
  const ask = async (operation: string, count: number, criticality: "normal" | "critical" = "normal") => {
    const before = sent.length;
    for (let n = 0; n < count; n += 1) {
      await clock.advance(1);
      await assert.rejects(invoke({ ...deposit, operation, criticality }), Overloaded.is);
    }
    return sent.length - before;
  };
  await ask("deposit", 50);
  const share = (await ask("deposit", 300)) / 300;
  assert.ok(share > 0.02 && share < 0.3, `${share} of the calls were sent`);
  assert.equal(await ask("deposit", 20, "critical"), 20);
  assert.equal(await ask("internal", 1), 1);
});

test("what nobody waits for is not sent", async (context) => {
  const { sent, invoke } = setup(context);
  await assert.rejects(invoke({ ...deposit, signal: AbortSignal.abort() }), DeadlineExceeded.is);
  assert.equal(sent.length, 0);
});

test("what the system does not have is refused here", async (context) => {
  const { sent, invoke } = setup(context);
  await assert.rejects(invoke({ operation: "nothing" }), UnknownOperation.is);
  await assert.rejects(invoke({ service: "nobody", operation: "deposit" }), UnknownOperation.is);
  assert.equal(sent.length, 0);
});
