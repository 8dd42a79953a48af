/** The real clock. */
import type { Clock, Timer } from "../std/mod.ts";

/** The longest delay that `setTimeout` takes; a longer one fires at once. About 24.8 days. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The clock of this machine. A timer that is set keeps the process alive: whoever sets it cancels it when closing. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    after,
    soon: (action) => {
      setImmediate(action);
    },
  };
}

function after(delayMs: number, action: () => void): Timer {
  let left = Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs);
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    // A timer may fire a fraction of a millisecond early, but deadlines must not: round up.
    const step = Math.ceil(Math.min(left, TIMEOUT_MAX_MS));
    left -= step;
    timer = setTimeout(left > 0 ? arm : action, step);
  };
  arm();
  return {
    cancel: () => {
      clearTimeout(timer);
    },
  };
}
