/** The instances sorted by what they are good for, so that a pick need not look at all of them. */
import type { Endpoint } from "./endpoint.ts";
import { shareHere } from "./locality.ts";

/** How often shares are looked at while some of them grow, in milliseconds. */
const RAMP_STEP_MS = 100;

/**
 * How many of `usable` instances may be left out at once: half, and so never the last. Envoy's tenth is meant for hundreds;
 * here a service has two to ten instances, and a bad build on every third of them must be survived.
 */
export function ejectedMaxOf(usable: number): number {
  return Math.floor(usable / 2);
}

/** Who may be picked. Valid until `dueMs`, or until something changes. */
export class Roster {
  /** In the caller's zone (all, if it has none), in other zones, and both. Well, reached, not draining. */
  near: Endpoint[] = [];
  far: Endpoint[] = [];
  healthy: Endpoint[] = [];
  /** Reached, and to be tried by a single call. */
  probation: Endpoint[] = [];
  /** Those who are called when nobody is healthy: not reached yet, or left out. */
  others: Endpoint[] = [];
  /** The share of calls that stay in the zone. */
  nearShare = 1;
  /** The greatest share of an instance: others' are relative to it. */
  shareMax = 1;
  ejectedCount = 0;
  ejectedMax = 0;
  /** When something changes by itself, on the monotonic clock. */
  dueMs = Number.NEGATIVE_INFINITY;
  readonly #zone: string | undefined;

  constructor(zone: string | undefined) {
    this.#zone = zone;
  }

  /** Sorts anew. Ends ejections whose time is over, and the oldest of those that are too many. */
  refresh(endpoints: readonly Endpoint[], nowMs: number): void {
    const taking = endpoints.filter(({ isDraining }) => !isDraining);
    this.#endEjections(taking, nowMs);
    const isHealthy = (one: Endpoint): boolean => one.reach === "ready" && one.outlier.state.name === "healthy";
    const isNear = ({ zone }: Endpoint): boolean => this.#zone === undefined || zone === this.#zone;
    this.healthy = taking.filter(isHealthy);
    this.near = this.healthy.filter(isNear);
    this.far = this.healthy.filter((one) => !isNear(one));
    this.probation = taking.filter(({ reach, outlier }) => reach === "ready" && outlier.state.name === "probation");
    this.others = taking.filter((one) => !isHealthy(one));
    this.nearShare = shareHere(this.near.length, taking.filter(isNear).length);
    this.#weigh(nowMs);
  }

  #endEjections(taking: readonly Endpoint[], nowMs: number): void {
    const out = taking.filter(({ outlier }) => outlier.state.name !== "healthy");
    const usable = taking.filter(({ reach, outlier }) => reach === "ready" || outlier.state.name !== "healthy");
    this.ejectedMax = ejectedMaxOf(usable.length);
    this.dueMs = Number.POSITIVE_INFINITY;
    const since = ({ outlier: { state } }: Endpoint): number => (state.name === "ejected" ? state.sinceMs : -1);
    const oldest = out.toSorted((a, b) => since(a) - since(b));
    // When others left, those who were left out must do.
    for (const { outlier } of oldest.splice(0, Math.max(0, out.length - this.ejectedMax))) outlier.recover();
    this.ejectedCount = oldest.length;
    for (const { outlier } of oldest) {
      if (outlier.state.name !== "ejected") continue;
      if (outlier.state.untilMs <= nowMs) outlier.beginProbation();
      else this.dueMs = Math.min(this.dueMs, outlier.state.untilMs);
    }
  }

  #weigh(nowMs: number): void {
    this.shareMax = 0;
    for (const endpoint of this.healthy) {
      const ramp = endpoint.ramp(nowMs);
      this.shareMax = Math.max(this.shareMax, endpoint.weight * ramp);
      if (ramp < 1) this.dueMs = Math.min(this.dueMs, nowMs + RAMP_STEP_MS);
    }
  }
}
