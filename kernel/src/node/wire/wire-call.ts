/** Calls as they come in from the wire, before anybody looked at who is behind them. */
import type { Envelope } from "../../transport/mod.ts";

/** A call of another host. Its caller is what it says; who it is stands in its certificate. */
export interface WireCall extends Omit<Envelope, "identity"> {
  /** The user's transaction token, as it came. */
  readonly userToken: string | undefined;
  /** The `tracestate` that came with the trace. */
  readonly tracestate: string | undefined;
  /** The chunks that the caller sends, where it sends any. Ends with an error when they are not whole. */
  readonly chunks: AsyncIterable<unknown> | undefined;
  /** Sends a chunk to the caller, when it has room; resolves with whether it was sent. @throws {Unsendable} */
  emit(chunk: unknown): Promise<boolean>;
}
