/** Channels: how calls get to one instance. Over the wire they are connections, in simulation messages. */
import type { Envelope, Reply } from "./envelope.ts";
import type { Instance } from "./registry.ts";

/**
 * What a channel does. `connecting`: calls wait until it is ready, no longer than their deadline. `draining`: the other side
 * takes no new calls, those under way go on. `broken`: it is over; who wants to go on makes another channel.
 */
export type ChannelState = "connecting" | "ready" | "draining" | "broken";

/** A way to one instance: one connection, or a few. */
export interface Channel {
  readonly state: ChannelState;
  /**
   * Sends a call and keeps its deadline and its signal. The token proves for which user it is made, and travels as it is.
   * Once the channel is draining or broken, a call is refused at once as not begun.
   * @throws the callee's fault; {NotStarted} made by `notStarted` when the callee surely did not begin; {Unreachable} when
   *   nobody knows; {DeadlineExceeded}.
   */
  send(envelope: Envelope, userToken: string | undefined): Promise<Reply>;
  /** Tells the listener of each new state. One listener at a time; never called before this has returned. */
  onState(listener: (state: ChannelState) => void): void;
  /** Takes no new calls from now on, and closes when those under way are over. Resolves then. */
  drain(): Promise<void>;
  /** Closes at once: calls under way fail as {Unreachable}. Doing it twice does nothing. */
  close(): Promise<void>;
}

/** Makes channels. */
export interface ChannelFactory {
  /** Begins to connect. Never throws: a channel that cannot be made becomes `broken`. */
  connect(instance: Instance): Channel;
}
