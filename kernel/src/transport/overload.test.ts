/** Stories of overload of several instances in virtual time: callers with guards and balancing, instances with queues. */
import { test } from "node:test";
import assert from "node:assert/strict";
import type { Criticality } from "../contract/mod.ts";
import { Admission, type BreakerOptions, Outbound, promptEventLoop } from "../guard/mod.ts";
import { defineFault } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import { type Envelope, FleetTransport, StaticRegistry } from "./mod.ts";
import { type FakeInstance, FakeInstances } from "./testing/fake-instances.ts";

const Down = defineFault({ code: "shop/down", kind: "unavailable", message: () => "down" });

const INSTANCES = 3;
const WORKERS = 2;
const SERVICE_MS = 80;
/** Calls per second of all instances. */
const CAPACITY = (INSTANCES * WORKERS * 1_000) / SERVICE_MS;

interface Second {
  readonly offered: Record<Criticality, number>;
  readonly good: Record<Criticality, number>;
}

/** One caller's host, and instances that serve first come, first served. */
class Story {
  readonly clock = new ManualClock();
  readonly fakes = new FakeInstances(this.clock);
  readonly #transport: FleetTransport;
  readonly #outbound: Outbound;
  readonly #random = seededRandom(5);

  constructor(breaker: BreakerOptions = {}) {
    const { clock, fakes } = this;
    for (let n = 1; n <= INSTANCES; n += 1) this.#serve(fakes.add(n), n);
    const registry = new StaticRegistry(fakes.all.map(({ instance }) => instance));
    this.#transport = new FleetTransport({
      clock,
      registry,
      channels: fakes,
      random: seededRandom(6),
      balance: { breaker },
    });
    this.#transport.prepare(["shop"]);
    this.#outbound = new Outbound({ clock, random: seededRandom(7), breaker });
  }

  /** Queues calls in an instance, behind its admission. Work whose deadline has passed is not begun. */
  #serve(fake: FakeInstance, seed: number): void {
    const { clock } = this;
    const random = seededRandom(seed);
    const admission = new Admission({ clock, random, eventLoop: promptEventLoop, limit: { initial: 40, min: 8 } });
    const queue: { readonly envelope: Envelope; readonly done: () => void }[] = [];
    let busy = 0;
    const next = (): void => {
      while (busy < WORKERS) {
        const first = queue.shift();
        if (first === undefined) return;
        if (first.envelope.deadlineAt <= clock.monotonicMs()) {
          first.done();
          continue;
        }
        busy += 1;
        clock.after(SERVICE_MS, () => {
          busy -= 1;
          first.done();
          next();
        });
      }
    };
    fake.answer = async (envelope) => {
      const leave = admission.enter(envelope.criticality, envelope.deadlineAt);
      await new Promise<void>((done) => {
        queue.push({ envelope, done });
        next();
      });
      leave();
    };
  }

  /** A call of a user who buys, or one of many who look. */
  async call(criticality: Criticality): Promise<void> {
    const operation = criticality === "critical" ? "checkout" : "browse";
    const deadlineAt = this.clock.monotonicMs() + 1_000;
    const target = this.#outbound.target({ service: "shop", operation, retry: true, criticality });
    await target.run(deadlineAt, undefined, (attempt) =>
      this.#transport.send({
        ...{ service: "shop", operation, input: {}, key: "k", clientKey: false, attempt, deadlineAt },
        ...{ caller: "test", identity: undefined, trace: undefined, criticality, signal: undefined },
      }),
    );
  }

  /** Offers load, a multiple of the capacity by second; a twelfth of it buys. */
  async offer(seconds: number, loadAt: (second: number) => number): Promise<Second[]> {
    const results: Second[] = [];
    for (let second = 0; second < seconds; second += 1) {
      const result: Second = {
        offered: { critical: 0, high: 0, normal: 0, sheddable: 0 },
        good: { critical: 0, high: 0, normal: 0, sheddable: 0 },
      };
      results.push(result);
      const count = Math.round(CAPACITY * loadAt(second));
      for (let call = 0; call < count; call += 1) {
        await this.clock.advance(1_000 / count);
        const criticality = this.#random.next() < 1 / 12 ? "critical" : "normal";
        result.offered[criticality] += 1;
        void this.call(criticality).then(
          () => (result.good[criticality] += 1),
          () => undefined,
        );
      }
    }
    await this.clock.advance(5_000);
    return results;
  }
}

/** The share of calls that went well. */
function served(results: readonly Second[], criticality: Criticality): number {
  const sum = (key: "offered" | "good"): number => results.reduce((all, second) => all + second[key][criticality], 0);
  return sum("good") / sum("offered");
}

void test("when every instance fails every call, what arrives is a tenth more than what was offered", async () => {
  // The breakers must not hide it: the bound is the retry budget's.
  const story = new Story({ callsMin: Number.POSITIVE_INFINITY });
  const { fakes, clock } = story;
  let arrived = 0;
  for (const fake of fakes.all) {
    fake.answer = () => {
      arrived += 1;
      return Promise.reject(Down.with(undefined));
    };
  }
  await clock.advance(10);
  let offered = 0;
  for (let call = 0; call < 4_000; call += 1) {
    offered += 1;
    void story.call(call % 2 === 0 ? "critical" : "normal").catch(() => undefined);
    await clock.advance(20);
  }
  assert.ok(arrived > offered * 1.05, `the story is void: ${arrived} of ${offered}`);
  assert.ok(arrived <= offered * 1.1 + 20, `${arrived} arrived of ${offered}`);
});

void test("five times the load for thirty seconds: buying goes on, and all is well by itself afterwards", async () => {
  const story = new Story();
  await story.clock.advance(10);
  const results = await story.offer(75, (second) => (second >= 15 && second < 45 ? 5 : 0.8));
  const before = results.slice(5, 15);
  const during = results.slice(18, 45);
  const after = results.slice(50);
  assert.ok(served(before, "normal") > 0.99, `before: ${served(before, "normal")}`);
  const report = [during, after].map((part) => [served(part, "critical"), served(part, "normal")].join(" ")).join("; ");
  assert.ok(served(during, "critical") > 0.95, report);
  assert.ok(served(during, "normal") < 0.4, report);
  assert.ok(served(after, "critical") > 0.999, report);
  assert.ok(served(after, "normal") > 0.995, report);
  const goodput = during.reduce((sum, { good }) => sum + good.critical + good.normal, 0) / during.length;
  assert.ok(goodput > 0.8 * CAPACITY, `${goodput} of ${CAPACITY} a second; ${report}`);
});

void test("two of three instances die under load and come back: the third keeps what matters, then all is well", async () => {
  const story = new Story();
  const { fakes, clock } = story;
  await clock.advance(10);
  const dying = fakes.all.slice(1);
  clock.after(15_000, () => {
    for (const fake of dying) fakes.kill(fake);
  });
  clock.after(35_000, () => {
    for (const fake of dying) fake.isUp = true;
  });
  const results = await story.offer(70, () => 0.8);
  assert.ok(served(results.slice(18, 35), "critical") > 0.95, String(served(results.slice(18, 35), "critical")));
  const after = results.slice(50);
  assert.ok(served(after, "critical") > 0.999 && served(after, "normal") > 0.995, String(served(after, "normal")));
});
