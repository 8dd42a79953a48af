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
  const dueAt = performance.now() + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs));
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer = setTimeout(look, Math.ceil(Math.min(leftMs, TIMEOUT_MAX_MS)));
  };
  // The event loop counts whole milliseconds from when it last looked at the clock: it may be early, deadlines must not.
  const look = (): void => {
    const leftMs = dueAt - performance.now();
    if (leftMs > 0) arm(leftMs);
    else action();
  };
  arm(dueAt - performance.now());
  return {
    cancel: () => {
      clearTimeout(timer);
    },
  };
}
