import { test } from "node:test";
import assert from "node:assert/strict";
import { command, contract } from "../contract/mod.ts";
import { services } from "../contract/mod.ts";
import { Outbound, Overloaded } from "../guard/mod.ts";
import { Metrics } from "../observe/mod.ts";
import { t } from "../schema/mod.ts";
import { defineFault, isFault, sleep } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import {
  type Envelope,
  FleetTransport,
  type FleetTransportOptions,
  type Instance,
  type Snapshot,
  StaticRegistry,
  affinityBy,
  notStarted,
} from "./mod.ts";
import { type FakeInstance, FakeInstances } from "./testing/fake-instances.ts";

const Down = defineFault({ code: "shop/down", kind: "unavailable", message: () => "down" });

interface Setup {
  readonly clock: ManualClock;
  readonly registry: StaticRegistry;
  readonly fakes: FakeInstances;
  readonly transport: FleetTransport;
  readonly metrics: Metrics;
  send(more?: Partial<Envelope>): Promise<unknown>;
  /** Sends calls one after another, `gapMs` apart, without waiting for their ends. Resolves to the faults' codes. */
  offer(count: number, gapMs: number, more?: Partial<Envelope>): Promise<string[]>;
}

/** A fleet of `count` instances that are known and connected to. */
async function make(
  count: number,
  options: Partial<FleetTransportOptions> = {},
  more: (n: number) => Partial<Instance> = () => ({}),
): Promise<Setup> {
  const clock = new ManualClock();
  const fakes = new FakeInstances(clock);
  for (let n = 1; n <= count; n += 1) fakes.add(n, 5, more(n));
  const registry = new StaticRegistry(fakes.all.map(({ instance }) => instance));
  const metrics = new Metrics();
  const random = seededRandom(7);
  const transport = new FleetTransport({ clock, random, registry, channels: fakes, metrics, ...options });
  transport.prepare(["shop"]);
  await clock.advance(10);
  const send = async (more: Partial<Envelope> = {}): Promise<unknown> => {
    const reply = await transport.send({
      ...{ service: "shop", operation: "buy", input: {}, key: "k", clientKey: false, attempt: 1 },
      ...{ caller: "test", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
      ...{ deadlineAt: clock.monotonicMs() + 1_000, ...more },
    });
    return reply.output;
  };
  const offer = async (calls: number, gapMs: number, more: Partial<Envelope> = {}): Promise<string[]> => {
    const faults: string[] = [];
    const made: Promise<unknown>[] = [];
    for (let call = 0; call < calls; call += 1) {
      made.push(send(more).catch((error: unknown) => faults.push(isFault(error) ? error.code : String(error))));
      await clock.advance(gapMs);
    }
    await clock.until(Promise.all(made));
    return faults;
  };
  return { clock, registry, fakes, transport, metrics, send, offer };
}

function only(fakes: FakeInstances, n: number): FakeInstance {
  const fake = fakes.all[n - 1];
  assert.ok(fake);
  return fake;
}

void test("a call to a service that has no instance is refused at once, with what to do", async () => {
  const { send } = await make(0);
  await assert.rejects(send(), (error: Error) => /no instance of it is registered: start one/.test(error.message));
});

void test("a call waits for the registry's first word, but not for ever, and not beyond its deadline", async () => {
  const registry = new StaticRegistry();
  registry.watch = () => () => undefined;
  const { clock, send } = await make(0, { registry });
  await assert.rejects(clock.until(send()), { code: "kernel/deadline-exceeded" });
  const began = clock.monotonicMs();
  await assert.rejects(clock.until(send({ deadlineAt: began + 60_000 })), { code: "transport/unreachable" });
  assert.equal(clock.monotonicMs() - began, 1_000);
  assert.equal(clock.pending, 0);
});

void test("a call that was surely not begun goes to another instance at once, and nobody hears of it", async () => {
  const { fakes, offer, clock } = await make(3);
  for (const n of [1, 2]) {
    const fake = only(fakes, n);
    // It dies in a way that nobody noticed yet: its channel says ready, then refuses.
    for (const channel of fake.channels) channel.state = "draining";
  }
  const began = clock.monotonicMs();
  assert.deepEqual(await offer(50, 1), []);
  assert.equal(only(fakes, 3).calls, 50);
  assert.ok(clock.monotonicMs() - began < 100);
});

void test("an instance that calls do not get to is tried about once a second, though its channel says ready", async () => {
  const { fakes, offer } = await make(3);
  const lost = only(fakes, 1);
  let tried = 0;
  lost.answer = () => {
    tried += 1;
    return Promise.reject(notStarted({ service: "shop", reason: "connection refused" }));
  };
  assert.deepEqual(await offer(1_000, 10), []);
  assert.ok(tried > 3 && tried < 30, String(tried));
});

void test("an instance that dies costs the calls under way and no more; it is connected to again when it is back", async () => {
  const { fakes, offer, clock } = await make(3);
  const dying = only(fakes, 1);
  clock.after(50, () => fakes.kill(dying));
  const faults = await offer(200, 1);
  assert.ok(faults.length <= 5, String(faults.length));
  assert.deepEqual([...new Set(faults)], ["transport/unreachable"]);
  dying.isUp = true;
  await clock.advance(5_000);
  const before = dying.calls;
  assert.deepEqual(await offer(100, 1), []);
  assert.ok(dying.calls > before);
});

void test("connecting to what is down is tried less and less often", async () => {
  const { fakes, clock } = await make(1);
  const dead = only(fakes, 1);
  fakes.kill(dead);
  const before = dead.connects;
  await clock.advance(60_000);
  const tried = dead.connects - before;
  assert.ok(tried > 20 && tried < 120, String(tried));
});

void test("a draining instance gets no new calls, and finishes those it has", async () => {
  const { fakes, registry, offer, clock, send } = await make(2);
  const leaving = only(fakes, 1);
  const lease = await registry.register(leaving.instance);
  const slow = Promise.all([1, 2, 3, 4].map(() => send()));
  await lease.update("draining");
  const before = leaving.calls;
  assert.ok(before > 0);
  assert.deepEqual(await offer(50, 1), []);
  assert.equal((await slow).length, 4);
  await lease.release();
  await clock.advance(100);
  assert.deepEqual([leaving.calls, leaving.channels.size], [before, 0]);
});

void test("when the registry is lost, calls go on, also past the death of an instance", async () => {
  const { fakes, registry, offer, transport } = await make(3);
  registry.setCurrent(false);
  assert.equal(transport.isRegistryCurrent, false);
  assert.deepEqual(await offer(100, 1), []);
  fakes.kill(only(fakes, 2));
  assert.deepEqual(await offer(100, 1), []);
});

void test("what a registry that is lost does not name is not taken for gone", async () => {
  const listeners: ((snapshot: Snapshot) => void)[] = [];
  const registry = new StaticRegistry();
  registry.watch = (_, listener) => {
    listeners.push(listener);
    return () => undefined;
  };
  const { fakes, offer, clock } = await make(3, { registry });
  const tell = (instances: readonly Instance[], isCurrent: boolean): void => {
    for (const listener of listeners) listener({ service: "shop", instances, isCurrent });
  };
  tell(
    fakes.all.map(({ instance }) => instance),
    true,
  );
  await clock.advance(10);
  tell([], false);
  for (const fake of fakes.all) {
    fakes.kill(fake);
    fake.isUp = true;
  }
  await clock.advance(5_000);
  assert.deepEqual(await offer(30, 1), []);
});

void test("a registry that comes back empty does not end those who answer, only those who do not", async () => {
  const { fakes, registry, offer, clock, transport } = await make(3);
  const leases = await Promise.all(fakes.all.map(({ instance }) => registry.register(instance)));
  registry.setCurrent(false);
  for (const lease of leases) await lease.release();
  registry.setCurrent(true);
  await clock.advance(10);
  assert.deepEqual(await offer(60, 1), []);
  fakes.kill(only(fakes, 1));
  const { connects } = only(fakes, 1);
  await clock.advance(60_000);
  assert.equal(only(fakes, 1).connects, connects, "It is connected to, though nobody names it.");
  assert.equal(transport.instances("shop").length, 2);
  // They register again: those who are named are used, the rest is believed gone.
  for (const n of [2, 3]) await registry.register(only(fakes, n).instance);
  assert.deepEqual(await offer(60, 1), []);
});

void test("one of several that the registry does not name any more gets no calls", async () => {
  const { fakes, registry, offer } = await make(3);
  const gone = only(fakes, 1);
  await (await registry.register(gone.instance)).release();
  const before = gone.calls;
  assert.deepEqual(await offer(60, 1), []);
  assert.equal(gone.calls, before);
});

void test("a failing instance does not cut off the others: breakers are for an instance and a method", async () => {
  // All calls have one key, so each first attempt goes to the instance that fails.
  const balance = { outlier: { failuresInRow: Number.POSITIVE_INFINITY, successRatio: 0 } };
  const { fakes, transport, clock } = await make(2, { balance, affinityOf: () => "key" });
  const outbound = new Outbound({ clock, random: seededRandom(2), breaker: { graceMs: 0 }, retryBudget: { ratio: 1 } });
  const target = outbound.target({ service: "shop", operation: "buy", retry: true, criticality: "normal" });
  const send = (attempt: number): Promise<unknown> =>
    transport.send({
      ...{ service: "shop", operation: "buy", input: {}, key: "k", clientKey: false, attempt },
      ...{ caller: "test", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
      deadlineAt: clock.monotonicMs() + 1_000,
    });
  await clock.until(send(1));
  const failing = fakes.all.find(({ calls }) => calls > 0);
  assert.ok(failing);
  failing.answer = () => Promise.reject(Down.with(undefined));
  let failed = 0;
  for (let call = 0; call < 200; call += 1) {
    const made = target.run(clock.monotonicMs() + 1_000, undefined, send).catch(() => (failed += 1));
    await clock.advance(100);
    await clock.until(made);
    assert.equal(target.breaker.state.name, "closed");
  }
  assert.ok(failed < 10, String(failed));
  assert.ok(failing.calls < 150, `Its own breaker lets ${failing.calls} through.`);
});

void test("when all instances fail, their breakers open, and calls are refused at once", async () => {
  const { fakes, send, clock } = await make(2, { balance: { breaker: { graceMs: 0 } } });
  for (const fake of fakes.all) fake.answer = () => Promise.reject(Down.with(undefined));
  for (let call = 0; call < 100; call += 1) await clock.until(send().catch(() => undefined));
  await assert.rejects(send(), { code: "kernel/breaker-open" });
  assert.ok(fakes.all.reduce((sum, { calls }) => sum + calls, 0) <= 60);
  assert.equal(await clock.until(send({ operation: "look" }).catch(() => "asked")), "asked");
});

void test("calls keep to one instance by the field that the contract names; a further attempt does not", async () => {
  const input = t.object({ cart: t.text() });
  const shop = contract("shop", {
    version: "1.0.0",
    commands: { buy: command({ input, output: input, allow: [services("test")], affinity: "cart" }) },
  });
  const { send, clock } = await make(5, { affinityOf: affinityBy([shop]) });
  const of = new Map<string, Set<unknown>>();
  for (let call = 0; call < 200; call += 1) {
    const cart = `cart-${call % 20}`;
    const seen = of.get(cart) ?? new Set();
    seen.add(await clock.until(send({ input: { cart } })));
    of.set(cart, seen);
  }
  assert.ok([...of.values()].every(({ size }) => size === 1));
  assert.ok(new Set([...of.values()].flatMap((seen) => [...seen])).size > 2);
  const again = new Set<unknown>();
  for (let call = 0; call < 50; call += 1) again.add(await clock.until(send({ input: { cart: "c" }, attempt: 2 })));
  assert.ok(again.size > 1);
});

void test("calls stay in the caller's zone, as the registry tells zones", async () => {
  const { fakes, offer } = await make(4, { zone: "a" }, (n) => ({ zone: n > 2 ? "b" : "a" }));
  assert.deepEqual(await offer(100, 1), []);
  const calls = fakes.all.map((fake) => fake.calls);
  assert.deepEqual(calls.slice(2), [0, 0]);
});

void test("an instance has the weight that the registry tells", async () => {
  const { fakes, offer } = await make(2, {}, (n) => ({ weight: n === 1 ? 1 : 0.25 }));
  assert.deepEqual(await offer(400, 1), []);
  assert.ok(only(fakes, 2).calls < 160, `${only(fakes, 2).calls} of 400`);
});

void test("an instance that joins and says that it is new begins with few calls; one that is old does not", async () => {
  const { fakes, offer, registry, clock } = await make(2);
  const [fresh, old] = [fakes.add(3), fakes.add(4)];
  await registry.register({ ...old.instance, startedAt: clock.now() - 3_600_000 });
  await registry.register({ ...fresh.instance, startedAt: clock.now() });
  await clock.advance(10);
  assert.deepEqual(await offer(200, 1), []);
  assert.ok(fresh.calls < 25, `${fresh.calls} of 200 for the new one`);
  assert.ok(old.calls > 35, `${old.calls} of 200 for the old one`);
  await clock.advance(20_000);
  const before = fresh.calls;
  assert.deepEqual(await offer(200, 1), []);
  assert.ok(fresh.calls - before > 35, `${fresh.calls - before} of 200 when it is not new any more`);
});

void test("a critical call is not the one that tries out an instance that failed", async () => {
  const outlier = { failuresInRow: 3, ejectionMs: 1_000 };
  const { fakes, offer, clock } = await make(2, { balance: { outlier, decayMs: 100 } });
  const failing = only(fakes, 1);
  const { answer } = failing;
  failing.answer = () => Promise.reject(Down.with(undefined));
  while (failing.calls < 3) await offer(1, 500);
  failing.answer = answer;
  await clock.advance(5_000);
  const before = failing.calls;
  assert.deepEqual(await offer(40, 10, { criticality: "critical" }), []);
  assert.equal(failing.calls, before);
  assert.deepEqual(await offer(1, 10), []);
  assert.equal(failing.calls, before + 1);
});

void test("metrics tell how many instances there are, and in which state", async () => {
  const { fakes, offer, metrics, clock } = await make(4);
  only(fakes, 1).answer = () => Promise.reject(Down.with(undefined));
  only(fakes, 2).answer = () => Promise.reject(Overloaded.with({ retryAfterMs: 1_000 }));
  for (let round = 0; round < 20; round += 1) {
    await offer(50, 1);
    await clock.advance(20_000);
  }
  const text = metrics.toPrometheus();
  assert.match(text, /isomer_balancer_picks_total\{rpc_service="shop"\} 1\d{3}/);
  assert.match(text, /isomer_balancer_ejections_total\{rpc_service="shop"\} [1-9]/);
  assert.match(text, /isomer_balancer_instances\{rpc_service="shop",state="ready"\} 3/);
});

void test("closing lets calls finish and leaves no timer; new ones are refused", async () => {
  const { fakes, send, transport, clock } = await make(2);
  fakes.kill(only(fakes, 1));
  const running = send();
  const closing = transport.close();
  assert.equal(await clock.until(running), "shop-2");
  await clock.until(closing);
  await assert.rejects(send(), { code: "transport/unreachable" });
  assert.equal(clock.pending, 0);
  await sleep(clock, 0, AbortSignal.abort());
});
