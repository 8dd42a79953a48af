/**
 * Refuses calls when the event loop runs late, the least important first. It is the one sign of too much work that a
 * process has which only hands calls on: what it does takes no time that it could measure, and all of it waits its turn.
 */
import type { Criticality } from "../contract/mod.ts";
import type { Fault, Random } from "../std/mod.ts";
import { Overloaded } from "./deadline.ts";
import type { EventLoopDelay } from "./event-loop-delay.ts";

/** The delay from which some calls are refused; from twice that on, all. In milliseconds. */
const DELAY_MS: Readonly<Record<Criticality, number>> = { sheddable: 50, normal: 100, high: 200, critical: 400 };

/**
 * So few calls are not what makes the event loop late: a start does, or another process. Refusing them would help
 * nobody, and a host just started would turn its first visitor away.
 */
const FEW = 8;

/** Decides by how late the event loop runs. */
export class LateLoop {
  readonly #eventLoop: EventLoopDelay;
  readonly #random: Random;

  constructor(eventLoop: EventLoopDelay, random: Random) {
    this.#eventLoop = eventLoop;
    this.#random = random;
  }

  /** Whether a call is to be refused while so many others are under way. */
  refuses(criticality: Criticality, running: number): boolean {
    const lateMs = this.#eventLoop.delayMs();
    const delayMs = DELAY_MS[criticality];
    // Between none and all there is a ramp: refusing all at once would empty the host, then fill it, then empty it.
    return lateMs > delayMs && running >= FEW && this.#random.next() < (lateMs - delayMs) / delayMs;
  }
}

/** The refusal of a call for load. It costs next to nothing: collecting a stack would cost more than all the rest. */
export function overloaded(random: Random): Fault {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    // Spread over a second, so that those who were refused together do not return together.
    return Overloaded.with({ retryAfterMs: Math.ceil(500 + random.next() * 1_000) });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
