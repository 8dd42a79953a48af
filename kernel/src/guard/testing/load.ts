/** Load on a balancer in virtual time: calls come at a rate, instances take their time, and their ends are told. */
import { seededRandom } from "../../std/testing/seeded-random.ts";
import { Balancer, type BalancerOptions } from "../balance/balancer.ts";
import { ANSWERED, type CallOutcome } from "../balance/outcome.ts";
import type { Endpoint, Member } from "../balance/endpoint.ts";

/** What an instance does with a call that begins at a moment. */
export type Behaviour = (
  nowMs: number,
  inFlight: number,
) => { readonly tookMs: number; readonly outcome?: CallOutcome };

/** A call that failed. */
export const FAILED: CallOutcome = { kind: "failed" };

/** How load is made. */
export interface LoadOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly affinityOf?: (call: number) => string;
  /** Called before each call. */
  readonly onCall?: (nowMs: number) => void;
}

/** Instances and what they do, behind a balancer. */
export class Load {
  readonly balancer: Balancer;
  readonly behaviours = new Map<string, Behaviour>();
  readonly ejected: string[] = [];
  readonly recovered: string[] = [];
  nowMs = 0;
  readonly #members = new Map<string, Member>();
  #ends: { readonly atMs: number; readonly tell: () => void }[] = [];

  constructor(options: Partial<BalancerOptions> = {}) {
    this.balancer = new Balancer(
      { random: seededRandom(11), ...options },
      { onEject: ({ id }) => this.ejected.push(id), onRecover: ({ id }) => this.recovered.push(id) },
    );
  }

  /** Adds an instance that is reached, or changes it. */
  add(member: Member, behaviour: Behaviour = () => ({ tookMs: 10 })): void {
    this.#members.set(member.id, member);
    this.behaviours.set(member.id, behaviour);
    this.#update();
    this.balancer.setReach(member.id, "ready", this.nowMs);
  }

  remove(id: string): void {
    this.#members.delete(id);
    this.#update();
  }

  /** Makes load, and counts the calls that each instance got. */
  run({ perSecond, seconds, affinityOf, onCall }: LoadOptions): Map<string, number> {
    const got = new Map<string, number>();
    const count = Math.round(perSecond * seconds);
    for (let call = 0; call < count; call += 1) {
      this.advance(1_000 / perSecond);
      onCall?.(this.nowMs);
      const affinity = affinityOf?.(call);
      const endpoint = this.call(affinity);
      if (endpoint !== undefined) got.set(endpoint.id, (got.get(endpoint.id) ?? 0) + 1);
    }
    return got;
  }

  /** Makes one call. */
  call(affinity?: string): Endpoint | undefined {
    const startedMs = this.nowMs;
    const endpoint = this.balancer.pick({ operation: "do", affinity }, startedMs);
    if (endpoint === undefined) return undefined;
    const made = this.behaviours.get(endpoint.id)?.(startedMs, endpoint.inFlight) ?? { tookMs: 10 };
    const { tookMs, outcome = ANSWERED } = made;
    this.#ends.push({
      atMs: startedMs + tookMs,
      tell: () => this.balancer.ended(endpoint, { operation: "do", outcome, startedMs }, this.nowMs),
    });
    return endpoint;
  }

  /** Lets time pass, and calls end. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    const due = this.#ends.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
    this.#ends = this.#ends.filter(({ atMs }) => atMs > untilMs);
    for (const { atMs, tell } of due) {
      this.nowMs = Math.max(this.nowMs, atMs);
      tell();
    }
    this.nowMs = untilMs;
  }

  #update(): void {
    this.balancer.update([...this.#members.values()], this.nowMs);
  }
}
