/** How late the event loop of this process runs. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { EventLoopDelay } from "../guard/mod.ts";
import type { Clock, Timer } from "../std/mod.ts";

const RESOLUTION_MS = 10;
const WINDOW_MS = 250;

/** A measure of the event loop's delay, until it is closed. */
export interface EventLoopMonitor extends EventLoopDelay {
  close(): void;
}

/**
 * Measures how late timers fire: the mean over the last quarter of a second, so that one pause for garbage does not
 * shed calls but a busy processor does.
 */
export function eventLoopMonitor(clock: Clock): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let delayMs = 0;
  let timer: Timer;
  let countedAt = clock.monotonicMs();
  const sample = (): void => {
    const now = clock.monotonicMs();
    // The histogram holds intervals between timers that are due every RESOLUTION_MS; what is above that is delay.
    const meanMs = histogram.count === 0 ? now - countedAt : histogram.mean / 1e6;
    delayMs = Math.max(0, meanMs - RESOLUTION_MS);
    countedAt = now;
    histogram.reset();
    timer = clock.after(WINDOW_MS, sample);
  };
  timer = clock.after(WINDOW_MS, sample);
  return {
    delayMs: () => delayMs,
    close() {
      timer.cancel();
      histogram.disable();
    },
  };
}
