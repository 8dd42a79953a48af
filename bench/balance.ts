/**
 * What it costs to choose an instance for a call and to learn from its end. That calls are spread is checked before any
 * figure is printed. The budget is 2 µs.
 *
 *   npx node bench/balance.ts [calls]
 */
import assert from "node:assert/strict";
import { ANSWERED, Balancer, type BalancerOptions, type PickRequest } from "@isomer/kernel/guard";
import { systemClock } from "../kernel/src/node/clock.ts";
import { systemRandom } from "../kernel/src/node/random.ts";

const COUNT = Number(process.argv[2] ?? 300_000);
const ROUNDS = 5;
const BUDGET_US = 2;
const clock = systemClock();
const random = systemRandom();

function balancer(count: number, options: Partial<BalancerOptions> = {}): Balancer {
  const made = new Balancer({ random, ...options });
  const members = Array.from({ length: count }, (_, n) => ({ id: `orders-${n}`, zone: n % 3 === 0 ? "a" : "b" }));
  made.update(members, clock.monotonicMs());
  for (const { id } of members) made.setReach(id, "ready", clock.monotonicMs());
  return made;
}

/** Chooses, and ends the call before the 16th from now. Returns how many calls each instance got. */
function run(chosen: Balancer, requestOf: (index: number) => PickRequest): Map<string, number> {
  const got = new Map<string, number>();
  const running = [];
  for (let index = 0; index < COUNT; index += 1) {
    const nowMs = clock.monotonicMs();
    const endpoint = chosen.pick(requestOf(index), nowMs);
    assert.ok(endpoint);
    got.set(endpoint.id, (got.get(endpoint.id) ?? 0) + 1);
    running.push({ endpoint, startedMs: nowMs });
    if (running.length < 16) continue;
    const first = running.shift();
    if (first === undefined) continue;
    chosen.ended(first.endpoint, { operation: "place", outcome: ANSWERED, startedMs: first.startedMs }, nowMs);
  }
  return got;
}

function measure(name: string, chosen: Balancer, requestOf: (index: number) => PickRequest, users: number): void {
  const got = run(chosen, requestOf);
  assert.ok(got.size >= users, `${name}: only ${got.size} instances were used.`);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    run(chosen, requestOf);
    return ((performance.now() - start) * 1_000) / COUNT;
  });
  const median = rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  const verdict = median <= BUDGET_US ? `within ${BUDGET_US} µs` : `OVER ${BUDGET_US} µs`;
  console.log(`${name.padEnd(44)}${median.toFixed(3).padStart(8)} µs  ${verdict}`);
}

const plain: PickRequest = { operation: "place" };
const keys = Array.from({ length: 1_000 }, (_, n) => ({ operation: "place", affinity: `0190a9b0-0000-7000-${n}` }));
measure("one of 3", balancer(3), () => plain, 3);
measure("one of 10", balancer(10), () => plain, 10);
measure("one of 64", balancer(64), () => plain, 64);
measure("one of 10, two zones", balancer(10, { zone: "b" }), () => plain, 6);
measure("one of 10, by key", balancer(10), (index) => keys[index % keys.length] ?? plain, 10);
