/** One connection of a server: what its peer asks is handed on, and what it holds is counted. */
import type { TLSSocket } from "node:tls";
import { wasRetried } from "../../guard/mod.ts";
import type { Criticality } from "../../contract/mod.ts";
import { type TraceContext, parseTraceparent } from "../../observe/mod.ts";
import { type Clock, type LogBudget, type Logger, type Timer, toFault } from "../../std/mod.ts";
import { type Reply, Unreachable } from "../../transport/mod.ts";
import { ByteBudget, CalleeSide, INPUT_BYTES_MAX, type IncomingCall, OUTPUT_BYTES_MAX } from "../../wire/mod.ts";
import type { WireLimits, WireTiming } from "../../wire/mod.ts";
import type { PeerAccount } from "./peer-accounts.ts";
import { SOCKET_BOUNDS, type SocketBounds, SocketDriver } from "./socket-driver.ts";
import { lifeMs } from "./tls.ts";
import type { WireCall } from "./wire-call.ts";

/** What a connection is made with. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Carries out a call of the peer. */
  readonly handle: (call: WireCall) => Promise<Reply>;
  readonly limits?: Partial<WireLimits> | undefined;
  readonly timing?: Partial<WireTiming> | undefined;
  readonly bounds?: Partial<SocketBounds> | undefined;
  /** How long it may go on after it was asked to end, in milliseconds. */
  readonly drainMs: number;
  /** How much may be logged of answers that could not be sent: what they are, their callers decide. */
  readonly complaints: LogBudget;
  readonly account: PeerAccount;
  /** When the connection began, on the monotonic clock, in milliseconds: the handshake counts. */
  readonly begunAt: number;
  /** It takes no further calls, or is over: called once. */
  readonly onEnding: () => void;
  readonly onGone: () => void;
}

/** One connection of a peer that is known. */
export class ServerConnection {
  readonly side: CalleeSide;
  readonly #options: ConnectionOptions;
  readonly #driver: SocketDriver;
  #endTimer: Timer | undefined;
  #isDraining = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { clock, limits, timing, bounds, account, begunAt } = options;
    const { id, inputs, outputs } = account;
    const driver: SocketDriver = new SocketDriver({
      ...{ clock, bounds: { ...SOCKET_BOUNDS, ...bounds }, pausesReading: true },
      onFlushed: () => this.side.flushed(),
    });
    this.#driver = driver;
    this.side = new CalleeSide({
      ...{ nowMs: begunAt, limits, timing, onOutput: driver.onOutput, onWake: driver.onWake },
      inputs: new ByteBudget(INPUT_BYTES_MAX, inputs),
      outputs: new ByteBudget(OUTPUT_BYTES_MAX, outputs),
      onCall: (call) => void this.#answer(call),
      onClosed: (reason) => this.#closed(reason),
      onFinished: () => {},
      streamError: (reason) => Unreachable.with({ service: id, reason }),
    });
    this.#driver.drive(this.side.link);
  }

  /** Begins on a socket; the connection is replaced before `endsAt`, in milliseconds since 1970. */
  start(socket: TLSSocket, endsAt: number): void {
    this.#driver.carry(socket);
    this.replaceIn(lifeMs(endsAt, this.#options.clock.now()));
  }

  /** Lets the peer connect anew, after a while. */
  replaceIn(afterMs: number): void {
    if (this.#isDraining) return;
    this.#endTimer?.cancel();
    this.#endTimer = this.#options.clock.after(Math.max(0, afterMs), () => this.drain(true));
  }

  /** Ends when what is under way is done; the caller closes the connection, or it is cut in the end. */
  drain(isReplaced: boolean): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#options.onEnding();
    this.#endTimer?.cancel();
    this.#endTimer = this.#options.clock.after(this.#options.drainMs, () =>
      this.side.link.close(undefined, "it took too long to end"),
    );
    this.side.drain(isReplaced);
  }

  #closed(reason: string): void {
    const { log, account, onEnding, onGone } = this.#options;
    log.debug("wire: a connection ended", { peer: account.id, reason });
    this.#endTimer?.cancel();
    this.#driver.closed();
    if (!this.#isDraining) onEnding();
    this.#isDraining = true;
    onGone();
  }

  async #answer(call: IncomingCall): Promise<void> {
    try {
      const { output, replayed } = await this.#options.handle(new ReceivedCall(call));
      const failure = call.reply(output, replayed);
      if (failure !== undefined && this.#options.complaints.take())
        this.#options.log.error("wire: an answer could not be sent", { ...nameOf(call), error: failure });
    } catch (error) {
      call.fault(toFault(error).toJSON(), wasRetried(error));
    }
  }
}

function nameOf({ message }: IncomingCall): { service: string; operation: string } {
  return { service: message.service, operation: message.operation };
}

/** A call as its handler sees it. Of a class, as an object made with a getter of its own is slow to make, and large. */
class ReceivedCall implements WireCall {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  readonly key: string | undefined;
  readonly clientKey: boolean;
  readonly insists: boolean | undefined;
  readonly mayBeStale: boolean | undefined;
  readonly attempt: number;
  readonly deadlineAt: number;
  readonly caller: string | undefined;
  readonly trace: TraceContext | undefined;
  readonly tracestate: string | undefined;
  readonly criticality: Criticality;
  readonly userToken: string | undefined;
  readonly chunks: AsyncIterable<unknown> | undefined;
  readonly #call: IncomingCall;

  constructor(call: IncomingCall) {
    const { message } = call;
    this.service = message.service;
    this.operation = message.operation;
    this.input = message.input;
    this.key = message.key;
    this.clientKey = message.clientKey;
    this.insists = message.insists;
    this.mayBeStale = message.mayBeStale;
    this.attempt = message.attempt;
    this.deadlineAt = call.deadlineAt;
    this.caller = message.caller;
    this.trace = message.traceparent === undefined ? undefined : parseTraceparent(message.traceparent);
    this.tracestate = message.tracestate;
    this.criticality = message.criticality;
    this.userToken = message.userToken;
    this.chunks = call.chunks;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  emit(chunk: unknown): Promise<boolean> {
    return this.#call.write(chunk);
  }
}
