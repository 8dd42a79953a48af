/**
 * Carries calls to one instance of a service, over one mutual-TLS connection that many calls share. The connection is made when
 * it is first needed, and replaced when it breaks, drains, or shows credentials that have changed. Nothing here outlives the
 * process: whoever made a call repeats it under its key.
 */
import { type TLSSocket, connect } from "node:tls";
import { DeadlineExceeded, backoffMs, markRetried } from "../../guard/mod.ts";
import { formatTraceparent } from "../../observe/mod.ts";
import { type WorkloadIdentity, serverNameOf } from "../../security/mod.ts";
import { type Clock, type Logger, type Random, type Timer, faultFrom } from "../../std/mod.ts";
import { type Envelope, type Reply, Unreachable, notStarted } from "../../transport/mod.ts";
import {
  type CallHandle,
  type CallOutcome,
  CallerSide,
  type NotStartedReason,
  type OutgoingCall,
  type WireLimits,
  type WireTiming,
} from "../../wire/mod.ts";
import { SOCKET_BOUNDS, type SocketBounds, SocketDriver } from "./socket-driver.ts";
import { contextOf } from "../identity/mod.ts";
import { ALPN, lifeMs, peerOf } from "./tls.ts";

/** What a channel is made with. */
export interface WireChannelOptions {
  readonly host: string;
  readonly port: number;
  /** Who must answer: `service/orders`. Its SPIFFE id is expected, and no other. */
  readonly peer: string;
  /** Whose credentials are shown: `service/checkout`, `gateway`. */
  readonly own: string;
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits?: Partial<WireLimits>;
  readonly timing?: Partial<WireTiming>;
  readonly bounds?: Partial<SocketBounds>;
  /** How many calls may wait for a place; 4,096 unless said. */
  readonly waitingMax?: number;
  /** Called when the callee says that it takes no further calls: others should be asked from now on. */
  readonly onDrain?: () => void;
  /** Called when a connection is ready for calls. */
  readonly onConnected?: () => void;
  /** Called when no connection came about, or one that was ready was lost with nothing in its place. */
  readonly onLost?: () => void;
}

/** A call with streams. */
export interface StreamedCall {
  readonly reply: Promise<Reply>;
  /** The chunks that the callee sends. */
  readonly chunks: AsyncIterable<unknown>;
}

const BACKOFF = { baseMs: 50, capMs: 1_000 };
/** How often a call is moved to a further connection because its own is being replaced. */
const MOVES_MAX = 3;

const CANCELLED: CallOutcome = { kind: "cancelled" };

interface Connection {
  readonly side: CallerSide;
  retireTimer: Timer | undefined;
}

/** A channel to one instance. */
export class WireChannel {
  readonly #options: WireChannelOptions;
  readonly #endRotation: () => void;
  readonly #connections = new Set<Connection>();
  #current: Connection | undefined;
  #isClosed = false;
  #failures = 0;
  #retryAt = 0;
  #lastFailure = "";

  constructor(options: WireChannelOptions) {
    this.#options = options;
    this.#endRotation = options.identity.onRotate(() => this.#current?.side.retire());
  }

  /** How many calls are sent and not answered, or wait to be sent. */
  get activeCalls(): number {
    let calls = 0;
    for (const { side } of this.#connections) calls += side.activeCalls + side.waitingCalls;
    return calls;
  }

  /**
   * Makes a call.
   * @throws the callee's fault; one made by {@link notStarted} when the call was certainly not started; {@link Unreachable} when nobody knows
   * whether it was; {@link DeadlineExceeded} at its deadline; `wire/unsendable` when its input cannot travel.
   */
  send(envelope: Envelope, userToken: string | undefined): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#begin(outgoing(envelope, userToken), envelope.signal, { resolve, reject, moves: 0 });
    });
  }

  /** Makes a call whose callee sends chunks, and to which chunks are sent where there are any. */
  stream(envelope: Envelope, userToken: string | undefined, sent?: AsyncIterable<unknown>): StreamedCall {
    const call = { ...outgoing(envelope, userToken), sendsChunks: sent !== undefined, takesChunks: true };
    let source: AsyncIterable<unknown> | undefined;
    let handle: CallHandle | undefined;
    const reply = new Promise<Reply>((resolve, reject) => {
      // A stream is not moved: what was sent of it is gone.
      handle = this.#begin(call, envelope.signal, { resolve, reject, moves: MOVES_MAX });
    });
    reply.catch(() => {});
    if (sent !== undefined && handle !== undefined) void pump(sent, handle);
    const chunks = async function* (): AsyncGenerator<unknown, void, undefined> {
      source ??= await handle?.opened;
      if (source === undefined) await reply;
      else yield* source;
    };
    return { reply, chunks: chunks() };
  }

  /** Begins to connect, unless it is connected: so that the first call does not wait. */
  connect(): void {
    this.#usable(this.#options.clock.monotonicMs());
  }

  /** Makes no further calls and ends its connections when those under way are done. */
  close(): void {
    this.#isClosed = true;
    this.#endRotation();
    this.#current?.side.retire();
    this.#current = undefined;
  }

  /** Cuts its connections: calls under way are lost. */
  destroy(): void {
    this.close();
    for (const { side } of this.#connections) side.link.close(undefined, "the channel was closed");
  }

  /** Gives a call to a connection. What it comes to goes to the waiter, now or later. */
  #begin(call: OutgoingCall, signal: AbortSignal | undefined, waiter: Waiter): CallHandle | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    const connection = this.#usable(nowMs);
    let cancel: (() => void) | undefined;
    const onEnd = (outcome: CallOutcome): void => {
      if (cancel !== undefined) signal!.removeEventListener("abort", cancel);
      this.#ended(call, signal, waiter, outcome);
    };
    const handle = signal?.aborted === true ? CANCELLED : connection.call(call, nowMs, onEnd);
    if ("kind" in handle) {
      this.#ended(call, signal, waiter, handle);
      return undefined;
    }
    if (signal !== undefined) {
      cancel = () => handle.cancel();
      signal.addEventListener("abort", cancel, { once: true });
    }
    return handle;
  }

  #ended(call: OutgoingCall, signal: AbortSignal | undefined, waiter: Waiter, outcome: CallOutcome): void {
    if (outcome.kind === "reply") {
      waiter.resolve({ output: outcome.output, replayed: outcome.replayed });
    } else if (
      outcome.kind === "refused" &&
      outcome.reason === "replaced" &&
      waiter.moves < MOVES_MAX &&
      !this.#isClosed
    ) {
      this.#begin(call, signal, { ...waiter, moves: waiter.moves + 1 });
    } else {
      waiter.reject(errorOf(call, outcome));
    }
  }

  /** What takes calls now: a connection, a new one if need be, or something that refuses them. */
  #usable(nowMs: number): Pick<CallerSide, "call"> {
    if (this.#current?.side.isUsable === true) return this.#current.side;
    if (this.#isClosed) return refusing("closed", "the channel is closed");
    if (nowMs < this.#retryAt) return refusing("unreachable", this.#lastFailure);
    this.#current = this.#connect();
    return this.#current.side;
  }

  #connect(): Connection {
    const { clock, limits, timing, bounds, waitingMax, peer } = this.#options;
    const socketBounds = { ...SOCKET_BOUNDS, ...bounds };
    const driver: SocketDriver = new SocketDriver({
      ...{ clock, bounds: socketBounds, pausesReading: false },
      onFlushed: (isCongested) => side.flushed(isCongested),
    });
    let socket: TLSSocket | undefined;
    let [isFinished, isReplaced] = [false, false];
    const side: CallerSide = new CallerSide({
      ...{ nowMs: clock.monotonicMs(), limits, timing, waitingMax, onOutput: driver.onOutput, onWake: driver.onWake },
      pendingBytesMax: socketBounds.highWaterBytes,
      streamError: (reason) => Unreachable.with({ service: peer, reason }),
      onUnusable: () => {
        isReplaced = side.isOpened && side.link.state === "open";
        this.#unusable(connection);
      },
      onFinished: () => {
        isFinished = true;
        side.link.close(undefined, "nothing is under way any more");
      },
      onClosed: (reason) => {
        connection.retireTimer?.cancel();
        this.#connections.delete(connection);
        if (side.isOpened) driver.closed();
        else if (!isFinished) this.#failed(reason);
        // A connection that was being replaced, or had nothing more to do, is missed by nobody.
        if (!isFinished && !isReplaced && !this.#isClosed) this.#options.onLost?.();
        if (!side.isOpened) socket?.destroy();
      },
      onOpened: () => {
        this.#failures = 0;
        this.#options.onConnected?.();
      },
    });
    const connection: Connection = { side, retireTimer: undefined };
    this.#connections.add(connection);
    driver.drive(side.link);
    try {
      socket = this.#open(connection, driver);
    } catch (error) {
      side.link.close(undefined, (error as Error).message);
    }
    return connection;
  }

  #open(connection: Connection, driver: SocketDriver): TLSSocket {
    const { host, port, identity, own, peer, clock } = this.#options;
    const { trustDomain } = identity;
    const { link } = connection.side;
    const credentials = identity.credentials(own);
    const socket = connect({
      ...{ host, port, servername: serverNameOf({ trustDomain, path: peer }), ALPNProtocols: [ALPN] },
      ...{ secureContext: contextOf(credentials), rejectUnauthorized: false },
      ...{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
      // Who it is stands in the URI of its certificate, which is looked at below; names of hosts are not.
      checkServerIdentity: () => undefined,
    });
    const failed = (error: Error): void => link.close(undefined, `no connection: ${error.message}`);
    const closed = (): void => link.close(undefined, "the connection was closed");
    socket.on("error", failed).on("close", closed);
    socket.once("secureConnect", () => {
      try {
        const { expiresAt } = peerOf(socket, { trustDomain, credentials, clock, expected: peer });
        driver.carry(socket);
        // From here on the driver hears of its end, and first takes what came before it.
        if (link.state !== "closed") socket.off("error", failed).off("close", closed);
        const usedMs = lifeMs(Math.min(expiresAt, credentials.expiresAt), clock.now());
        const retire = (): void => connection.side.retire();
        connection.retireTimer = clock.after(usedMs, retire);
      } catch (error) {
        this.#options.log.warn("wire: a peer was refused", { peer, reason: (error as Error).message });
        link.close(undefined, (error as Error).message);
        socket.destroy();
      }
    });
    return socket;
  }

  #unusable(connection: Connection): void {
    if (this.#current === connection) this.#current = undefined;
    if (connection.side.isDrained) this.#options.onDrain?.();
  }

  /** No connection came about: the next try waits, and calls meanwhile are refused at once. */
  #failed(reason: string): void {
    const { clock, random } = this.#options;
    this.#failures += 1;
    this.#lastFailure = reason;
    this.#retryAt = clock.monotonicMs() + backoffMs(this.#failures, random, BACKOFF);
  }
}

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly moves: number;
}

function refusing(reason: NotStartedReason, detail: string): Pick<CallerSide, "call"> {
  return { call: () => ({ kind: "refused", reason, detail }) };
}

function outgoing(envelope: Envelope, userToken: string | undefined): OutgoingCall {
  const {
    service,
    operation,
    key,
    clientKey,
    insists = false,
    mayBeStale = false,
    attempt,
    deadlineAt,
    caller,
    criticality,
  } = envelope;
  const { trace, input } = envelope;
  return {
    ...{
      service,
      operation,
      key,
      clientKey,
      insists,
      mayBeStale,
      attempt,
      deadlineAt,
      caller,
      criticality,
      input,
      userToken,
    },
    traceparent: trace === undefined ? undefined : formatTraceparent(trace),
    ...{ tracestate: undefined, sendsChunks: false, takesChunks: false },
  };
}

async function pump(source: AsyncIterable<unknown>, handle: CallHandle): Promise<void> {
  let isWhole = false;
  try {
    for await (const chunk of source) if (!(await handle.write(chunk))) return;
    isWhole = true;
  } catch {
    // The callee learns that it is not whole; what went wrong with the source, its owner knows.
  } finally {
    handle.end(isWhole);
  }
}

function labelOf({ service, operation }: OutgoingCall): string {
  return `${service}.${operation}`;
}

function gaveUp({ service }: OutgoingCall): Error {
  return Unreachable.with({ service, reason: "the caller gave up" });
}

/** What a call that did not succeed throws. */
function errorOf(call: OutgoingCall, outcome: Exclude<CallOutcome, { kind: "reply" }>): Error {
  const { service } = call;
  switch (outcome.kind) {
    case "fault": {
      const fault = faultFrom(outcome.fault);
      if (outcome.retried) markRetried(fault);
      return fault;
    }
    case "refused":
      return notStarted({ service, reason: `${outcome.reason}: ${outcome.detail}` });
    case "unsendable":
      return outcome.error;
    case "expired":
      return DeadlineExceeded.with({ label: labelOf(call) });
    case "cancelled":
      return gaveUp(call);
    case "lost":
      return Unreachable.with({ service, reason: outcome.detail });
  }
}
