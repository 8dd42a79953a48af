/** What the gateway is given: calls into the system, and judges of tokens, keys and rates. */
import type { Criticality, Identity } from "../contract/mod.ts";
import type { RateTaker } from "../guard/mod.ts";
import type { TraceContext } from "../observe/mod.ts";
import type { Reply } from "../transport/mod.ts";

/** A call from the edge into the system. */
export interface GatewayCall {
  readonly service: string;
  readonly operation: string;
  /** Not yet checked against the schema: the runtime does that. */
  readonly input: unknown;
  /** The client's idempotency key with its principal before it; absent when the client sent none. */
  readonly key: string | undefined;
  readonly identity: Identity | undefined;
  /** The longest that the call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** The span of the request, to be the parent of the call's. */
  readonly trace: TraceContext;
  readonly criticality: Criticality;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal | undefined;
}

/** Carries a call out: validates, authorises, makes a key where there is none, answers. Throws faults. */
export type Invoke = (call: GatewayCall) => Promise<Reply>;

/**
 * Finds who a bearer token or an API key stands for: `undefined` when it is not valid (any more). May answer at once,
 * which saves a turn of the event loop. Throws faults only when it cannot tell, of kind `unavailable`.
 */
export type Authenticate = (credential: string) => Identity | undefined | Promise<Identity | undefined>;

/** A rate limit with what clients are told about it. */
export interface RatePolicy {
  /** Names the policy in the `RateLimit-Policy` header: letters, digits, `-`. */
  readonly name: string;
  /** Requests per window. */
  readonly quota: number;
  readonly windowMs: number;
  readonly limiter: RateTaker;
}
