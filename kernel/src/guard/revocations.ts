/**
 * What was revoked before it expired: sessions and tokens, which judges of credentials must refuse although their
 * signatures are good. Kept only until it would have expired anyway. Whoever revokes keeps the truth in a database of
 * its own, and tells it here again and again until it expired: so nothing here has to survive a crash. All are held to
 * `guard/testing/revocations-conformance.ts`.
 */
import type { Clock } from "../std/mod.ts";

/** Something that was revoked. */
export interface Revocation {
  /** What, with its kind before it: `session/…`, `token/…`. */
  readonly id: string;
  /** Until when it would have been good, in milliseconds since 1970. */
  readonly untilMs: number;
}

/** What is revoked, as all gateways know it. */
export interface Revocations {
  /**
   * Tells all. Telling it again changes nothing. Rejects when others may not have heard: tell it again later. Whoever
   * is in the same process knows in any case.
   */
  revoke(revocations: readonly Revocation[]): Promise<void>;
  /** Whether something was revoked, as far as this process has heard: no waiting, because every request asks. */
  isRevoked(id: string): boolean;
}

/** How many are kept; those that expire first are forgotten first. */
export const REVOCATIONS_MAX = 100_000;
/** How many more than the bound there may be before they are sorted out. */
const SLACK = 1_000;

/** Revocations in memory: for one process and in simulation, and what gateways know of shared ones. */
export class MemoryRevocations implements Revocations {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock, max = REVOCATIONS_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  /** How many are kept, expired ones among them. */
  get size(): number {
    return this.#untilMs.size;
  }

  revoke(revocations: readonly Revocation[]): Promise<void> {
    this.add(revocations);
    return Promise.resolve();
  }

  /** The same, at once. */
  add(revocations: readonly Revocation[]): void {
    for (const { id, untilMs } of revocations) this.#untilMs.set(id, Math.max(untilMs, this.#untilMs.get(id) ?? 0));
    if (this.#untilMs.size > this.#max + SLACK) this.#sortOut();
  }

  isRevoked(id: string): boolean {
    const untilMs = this.#untilMs.get(id);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.now()) return true;
    this.#untilMs.delete(id);
    return false;
  }

  #sortOut(): void {
    const now = this.#clock.now();
    const last = [...this.#untilMs].filter(([, untilMs]) => untilMs > now).toSorted(([, a], [, b]) => b - a);
    this.#untilMs.clear();
    for (const [id, untilMs] of last.slice(0, this.#max)) this.#untilMs.set(id, untilMs);
  }
}
