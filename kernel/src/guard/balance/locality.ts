/** Staying in one's zone: cheaper and faster, as long as it is well there. */
import type { Endpoint } from "./endpoint.ts";

/** Below this cost nobody goes elsewhere for load, in milliseconds. */
const BUSY_COST_MS = 50;
/** So many times dearer than elsewhere it must be here. */
const BUSY_FACTOR = 4;
/** Of those who are known here, so many more than are well could be done without: Envoy's overprovisioning factor. */
const OVERPROVISIONED = 1.4;

/** The share of calls that stay here, when so many of those known here are well. */
export function shareHere(well: number, known: number): number {
  return known === 0 ? 0 : Math.min(1, (well / known) * OVERPROVISIONED);
}

/** The one here, unless it is overloaded and the one there is not. */
export function chosenByLocality(here: Endpoint, there: Endpoint, nowMs: number): Endpoint {
  const cost = here.costMs(nowMs);
  if (cost < BUSY_COST_MS) return here;
  // What was measured there, not what it decayed to: who is never called would always look free.
  const thereMs = Math.max(there.costMs(nowMs), there.latency.measuredMs);
  return cost > BUSY_FACTOR * thereMs ? there : here;
}
