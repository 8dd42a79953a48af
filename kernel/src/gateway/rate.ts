/** Rate limits at the edge, and what clients are told about them (draft-ietf-httpapi-ratelimit-headers-11). */
import type { RateDecision } from "../guard/mod.ts";
import { QuotaExceeded } from "./faults.ts";
import type { RatePolicy } from "./ports.ts";

/** What a request's limits have to say, gathered while it passes them. */
export interface RateNotes {
  /** The value of `RateLimit-Policy`; empty when no limit was met. */
  policies: string;
  /** The value of `RateLimit`. */
  limits: string;
}

/** A policy that is ready to be applied. */
export class RateGate {
  readonly #policy: RatePolicy;
  readonly #description: string;

  constructor(policy: RatePolicy) {
    this.#policy = policy;
    this.#description = `"${policy.name}";q=${policy.quota};w=${Math.ceil(policy.windowMs / 1_000)}`;
  }

  /**
   * Takes one request from the quota of `key`: at once, unless the limit is shared.
   * @throws {QuotaExceeded} when it is used up; a limit that is shared rejects with it.
   */
  pass(key: string, nowMs: number, notes: RateNotes): void | Promise<void> {
    const decision = this.#policy.limiter.take(key, 1, nowMs);
    if (decision instanceof Promise) return decision.then((told) => this.#apply(told, notes));
    return this.#apply(decision, notes);
  }

  #apply(decision: RateDecision, notes: RateNotes): void {
    const waitMs = decision.allowed ? decision.resetMs : decision.retryAfterMs;
    const limit = `"${this.#policy.name}";r=${Math.max(0, Math.floor(decision.remaining))};t=${Math.ceil(waitMs / 1_000)}`;
    notes.policies = notes.policies === "" ? this.#description : `${notes.policies}, ${this.#description}`;
    notes.limits = notes.limits === "" ? limit : `${notes.limits}, ${limit}`;
    if (!decision.allowed) {
      throw QuotaExceeded.with({ policy: this.#policy.name, retryAfterMs: Math.ceil(decision.retryAfterMs) });
    }
  }
}
