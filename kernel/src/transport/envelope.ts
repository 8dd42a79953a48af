/**
 * Calls as they travel between services: in memory, over the wire, in simulation.
 *
 * Every transport keeps the same meaning: the callee validates and copies the input and the output, decides who may
 * call, and applies the deadline; faults arrive with the same code, kind, message and data. One conformance suite holds them
 * to that (`transport/testing/conformance.ts`).
 */
import type { Criticality, Identity } from "../contract/mod.ts";
import type { TraceContext } from "../observe/mod.ts";

/** A call and all that travels with it. */
export interface Envelope {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  /** The idempotency key: every command has one, no query does. */
  readonly key: string | undefined;
  /** Whether a client chose the key: then a repetition in flight is refused instead of joined, and faults are kept. */
  readonly clientKey: boolean;
  /**
   * Whether the caller repeats the call under its key until it succeeds: then a refusal is not the last word. Otherwise
   * it is kept, so that a copy of the call that was lost on the way cannot take effect after the caller was refused.
   */
  readonly insists?: boolean | undefined;
  /**
   * Whether nothing is decided by the answer: a query may then be answered from a state that is a little old, if its contract
   * allows that. So it is for what clients ask, and for what queries ask for them.
   */
  readonly mayBeStale?: boolean | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** When the call must be over, on the host's monotonic clock. The wire carries what remains, in milliseconds. */
  readonly deadlineAt: number;
  /** The calling service; undefined at the edge. */
  readonly caller: string | undefined;
  readonly identity: Identity | undefined;
  /** The SPIFFE id of the process that sent the call; undefined for a call within the process. */
  readonly peer?: string | undefined;
  readonly trace: TraceContext | undefined;
  readonly criticality: Criticality;
  /** Aborted when the caller gave up. */
  readonly signal: AbortSignal | undefined;
}

/** What comes back from a call that succeeded. A call that failed throws its fault. */
export interface Reply {
  readonly output: unknown;
  /** Whether this is the recorded answer of an earlier call with the same key. */
  readonly replayed: boolean;
}

/** Carries calls to the services that are placed somewhere. */
export interface Transport {
  /** @throws the callee's fault, or `unavailable` when nobody knows whether the call happened. */
  send(envelope: Envelope): Promise<Reply>;
}
