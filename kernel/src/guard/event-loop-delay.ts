/** The event loop's delay as a port: one handler that holds the processor makes all others late. */

/** Tells how late the event loop runs. */
export interface EventLoopDelay {
  /** How late timers lately fired, in milliseconds. */
  delayMs(): number;
}

/** A loop that is never late: for simulations and tests, where virtual time has no processor to hold. */
export const promptEventLoop: EventLoopDelay = { delayMs: () => 0 };
