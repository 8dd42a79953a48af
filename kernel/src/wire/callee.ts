/**
 * The side that is called, without input and output. What is under way is bounded: by number, whether its caller still
 * waits or not, for a handler that goes on after its caller gave up costs as much.
 */
import { Broken, type FaultData } from "../std/mod.ts";
import { creditBody, creditOf } from "./caller.ts";
import { Malformed, ReplyUnsendable, Unsendable } from "./faults.ts";
import { type Frame, FrameType } from "./frames.ts";
import type { Agreement } from "./hello.ts";
import { DRAIN_REPLACED, Link, type LinkHandler, type LinkOptions } from "./link.ts";
import {
  type CallMessage,
  encodeFault,
  faultFlags,
  hasStreams,
  headerBounds,
  readCall,
  replyFlags,
} from "./messages.ts";
import { ChunkReceiver, ChunkSender } from "./streams.ts";
import type { HeaderBounds } from "./values.ts";

/** A call that came in. It is answered once; answers after the caller gave up go nowhere. */
export interface IncomingCall {
  readonly message: CallMessage;
  /** On the monotonic clock, in milliseconds. */
  readonly deadlineAt: number;
  /** Aborted when the caller gave up, its connection ended, or the deadline passed. */
  readonly signal: AbortSignal;
  /** The chunks that come; undefined when the caller sends none. */
  readonly chunks: AsyncIterable<unknown> | undefined;
  /** Sends a chunk; resolves with whether it was sent. @throws {Unsendable} */
  write(value: unknown): Promise<boolean>;
  /** Answers. What cannot be sent becomes a fault. Returns that fault, for the log. */
  reply(output: unknown, replayed: boolean): Error | undefined;
  /** Answers with a fault. */
  fault(fault: FaultData, retried: boolean): void;
}

/** What the side that is called is made with. */
export interface CalleeOptions extends LinkOptions {
  readonly onCall: (call: IncomingCall) => void;
  /** What the error is that a broken stream throws. */
  readonly streamError: (detail: string) => Error;
  readonly onClosed: (reason: string) => void;
  /** An earlier wake than planned is wanted. */
  readonly onWake: () => void;
  /** It drains, and nothing is under way any more. */
  readonly onFinished: () => void;
}

const REFUSED = { draining: 0, busy: 1, late: 2 } as const;

class Running implements IncomingCall {
  readonly message: CallMessage;
  readonly deadlineAt: number;
  readonly id: number;
  readonly owner: CalleeSide;
  chunks: ChunkReceiver | undefined;
  sender: ChunkSender | undefined;
  /** Nobody waits for the answer any more. */
  isCancelled = false;
  isLate = false;
  isAnswered = false;
  #abort: AbortController | undefined;

  constructor(owner: CalleeSide, id: number, message: CallMessage, deadlineAt: number) {
    this.owner = owner;
    this.id = id;
    this.message = message;
    this.deadlineAt = deadlineAt;
  }

  /** Made when it is asked for: many handlers never look. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isCancelled || this.isLate) this.#abort.abort();
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort?.abort();
  }

  write(value: unknown): Promise<boolean> {
    return this.owner.writeChunk(this, value);
  }

  reply(output: unknown, replayed: boolean): Error | undefined {
    return this.owner.reply(this, output, replayed);
  }

  fault(fault: FaultData, retried: boolean): void {
    this.owner.fault(this, fault, retried);
  }
}

/** The called side of a connection. */
export class CalleeSide {
  readonly link: Link;
  readonly #options: CalleeOptions;
  readonly #running = new Map<number, Running>();
  readonly #bounds: HeaderBounds;
  #lastId = 0;
  #streams = 0;
  #agreement: Agreement | undefined;
  /** The last call that is still taken, once it drains. */
  #drainedAfter: number | undefined;

  constructor(options: CalleeOptions) {
    this.#options = options;
    const handler: LinkHandler = {
      opened: (agreement) => (this.#agreement = agreement),
      frame: (frame) => this.#frame(frame),
      drained: () => {},
      closed: (reason) => this.#closed(reason),
      wake: (nowMs) => this.#wake(nowMs),
    };
    this.link = new Link(options, handler);
    this.#bounds = headerBounds(this.link.limits.headerBytesMax);
    this.link.greet();
  }

  /** How many calls are under way, those that nobody waits for included. */
  get runningCalls(): number {
    return this.#running.size;
  }

  /** Takes no further calls. Those under way are finished; the peer learns which were not taken, and whether to connect again. */
  drain(isReplaced = false): void {
    if (this.#drainedAfter !== undefined || this.link.state === "closed") return;
    this.#drainedAfter = this.#lastId;
    // Before the hello there is nobody to tell yet; what comes is refused.
    if (this.link.state === "open") this.link.send(FrameType.drain, isReplaced ? DRAIN_REPLACED : 0, this.#lastId);
    if (this.#running.size === 0) this.#options.onFinished();
  }

  #frame(frame: Frame): void {
    const { type, flags, id } = frame;
    if (type === FrameType.call) {
      if (id <= this.#lastId) throw Malformed.with({ reason: "a call whose id was used before" });
      this.#lastId = id;
      this.#called(frame);
      return;
    }
    if (id === 0 || id > this.#lastId) throw Malformed.with({ reason: `a frame of type ${type} for no call` });
    const running = this.#running.get(id);
    // It is answered already.
    if (running === undefined) return;
    if (type === FrameType.cancel) this.#cancelled(running);
    else if (type === FrameType.chunk && running.message.sendsChunks) this.#chunk(running, frame);
    else if (type === FrameType.end && running.message.sendsChunks)
      running.chunks?.end(flags === 0 ? undefined : this.#options.streamError("the caller broke it off"));
    else if (type === FrameType.credit && running.sender !== undefined) running.sender.grant(creditOf(frame));
    else throw Malformed.with({ reason: `a frame of type ${type} that has no place here` });
  }

  #called({ flags, id, bytes, start, end }: Frame): void {
    const { link } = this;
    const { callsMax, streamsMax } = link.limits;
    if (this.#drainedAfter !== undefined) return link.send(FrameType.refuse, REFUSED.draining, id);
    const isStream = hasStreams(flags);
    // Before anything is read of it: refusing must cost nearly nothing.
    if (this.#running.size >= callsMax || (isStream && this.#streams >= streamsMax))
      return link.send(FrameType.refuse, REFUSED.busy, id);
    const message = readCall(flags, link.reading.decode(bytes, start, end, this.#bounds));
    if (message.remainingMs <= 0) return link.send(FrameType.refuse, REFUSED.late, id);
    const running = new Running(this, id, message, link.nowMs + message.remainingMs);
    this.#running.set(id, running);
    if (isStream) this.#openStream(running);
    if (link.wakeBy(running.deadlineAt)) this.#options.onWake();
    this.#options.onCall(running);
  }

  #openStream(running: Running): void {
    this.#streams += 1;
    const { link } = this;
    const { peerLimits } = this.#agreement!;
    if (running.message.sendsChunks)
      running.chunks = new ChunkReceiver(link.limits.windowBytes, (granted) => {
        if (this.#running.has(running.id)) link.send(FrameType.credit, 0, running.id, creditBody(granted));
      });
    if (running.message.takesChunks)
      running.sender = new ChunkSender(peerLimits.windowBytes, (chunk) =>
        link.send(FrameType.chunk, 0, running.id, chunk),
      );
  }

  #chunk(running: Running, { bytes, start, end }: Frame): void {
    running.chunks?.push(this.link.reading.decode(bytes, start, end), end - start);
  }

  /** Sends a chunk of a call's answer. */
  async writeChunk({ sender }: Running, value: unknown): Promise<boolean> {
    if (sender === undefined) throw Unsendable.with({ reason: "the caller takes no chunks" });
    const bytes = this.link.writing.encode(value);
    if (bytes.length > sender.chunkBytesMax)
      throw Unsendable.with({ reason: `a chunk has ${bytes.length} bytes, and ${sender.chunkBytesMax} are allowed` });
    return sender.write(bytes);
  }

  /** Answers a call. */
  reply(running: Running, output: unknown, replayed: boolean): Error | undefined {
    if (!this.#settle(running)) return undefined;
    const { link } = this;
    try {
      const body = output === undefined ? undefined : link.writing.encode(output);
      link.send(FrameType.reply, replyFlags(output, replayed), running.id, body);
    } catch (error) {
      const reason = Unsendable.is(error) ? error.data.reason : "it cannot be written";
      const fault = ReplyUnsendable.with({ reason }, { cause: error });
      this.#sendFault(running.id, fault.toJSON(), false);
      this.#finishIfDrained();
      return fault;
    }
    this.#finishIfDrained();
    return undefined;
  }

  /** Answers a call with a fault. */
  fault(running: Running, fault: FaultData, retried: boolean): void {
    if (this.#settle(running)) this.#sendFault(running.id, fault, retried);
    this.#finishIfDrained();
  }

  #sendFault(id: number, fault: FaultData, retried: boolean): void {
    const { link } = this;
    let body: Uint8Array;
    try {
      body = encodeFault(link.writing, fault);
    } catch {
      body = encodeFault(link.writing, Broken.with(undefined).toJSON());
    }
    link.send(FrameType.fault, faultFlags(retried), id, body);
  }

  /** Gives the call's place free. Returns whether its caller still waits. */
  #settle(running: Running): boolean {
    if (running.isAnswered) return false;
    running.isAnswered = true;
    this.#running.delete(running.id);
    if (running.message.sendsChunks || running.message.takesChunks) {
      this.#streams -= 1;
      running.sender?.close();
      running.chunks?.end(this.#options.streamError("its call was answered"));
    }
    return !running.isCancelled && this.link.state === "open";
  }

  #finishIfDrained(): void {
    if (this.#drainedAfter !== undefined && this.#running.size === 0) this.#options.onFinished();
  }

  #cancelled(running: Running): void {
    running.isCancelled = true;
    running.sender?.close();
    running.chunks?.end(this.#options.streamError("the caller gave up"));
    running.abort();
  }

  #closed(reason: string): void {
    for (const running of this.#running.values()) this.#cancelled(running);
    this.#options.onClosed(reason);
  }

  /** Tells handlers whose time is over. Returns when the next one's will be. */
  #wake(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const running of this.#running.values()) {
      const { deadlineAt, isLate } = running;
      if (isLate) continue;
      if (deadlineAt > nowMs) next = Math.min(next, deadlineAt);
      else {
        running.isLate = true;
        running.abort();
      }
    }
    return next;
  }
}
