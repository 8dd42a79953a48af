/**
 * The side that is called, without input and output. What is under way is bounded: by number and by what came with it,
 * whether its caller still waits or not, for a handler that goes on after its caller gave up costs as much. So is what
 * waits for a peer to read it.
 */
import { Broken, type Fault, type FaultData } from "../std/mod.ts";
import { ByteBudget, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX } from "./budget.ts";
import { CallTable } from "./call-table.ts";
import { Malformed, ReplyDropped, ReplyUnsendable, Unsendable } from "./faults.ts";
import { type Frame, FrameType, creditBody, creditOf } from "./frames.ts";
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
  sendsChunks,
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
  /** What calls under way may hold of what came with them; 32 MiB unless said. What does not fit is refused as busy. */
  readonly inputs?: ByteBudget | undefined;
  /** What may wait for the peer to read it; 64 MiB unless said. Answers that do not fit become faults. */
  readonly outputs?: ByteBudget | undefined;
  /** What the error is that a broken stream throws. */
  readonly streamError: (detail: string) => Error;
  readonly onClosed: (reason: string) => void;
  /** An earlier wake than planned is wanted. */
  readonly onWake: () => void;
  /** It drains, and nothing is under way any more. */
  readonly onFinished: () => void;
}

/** What grew by less is told to the budget only once in a turn. */
const ACCOUNT_BYTES = 64 * 1024;

const REFUSED = { draining: 0, busy: 1, late: 2 } as const;

class Running implements IncomingCall {
  readonly message: CallMessage;
  readonly deadlineAt: number;
  readonly id: number;
  readonly owner: CalleeSide;
  /** What it holds of the inputs' budget, in bytes. */
  readonly weight: number;
  chunks: ChunkReceiver | undefined;
  sender: ChunkSender | undefined;
  /** Nobody waits for the answer any more. */
  isCancelled = false;
  isLate = false;
  isAnswered = false;
  #abort: AbortController | undefined;

  // oxlint-disable-next-line max-params -- one is made for each call
  constructor(owner: CalleeSide, id: number, message: CallMessage, deadlineAt: number, weight: number) {
    this.owner = owner;
    this.id = id;
    this.message = message;
    this.deadlineAt = deadlineAt;
    this.weight = weight;
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
  readonly #running = new CallTable<Running>();
  readonly #bounds: HeaderBounds;
  readonly #inputs: ByteBudget;
  readonly #outputs: ByteBudget;
  /** What is taken of the outputs' budget, in bytes. */
  #queued = 0;
  #lastId = 0;
  #streams = 0;
  #agreement: Agreement | undefined;
  /** The last call that is still taken, once it drains. */
  #drainedAfter: number | undefined;
  #isReplaced = false;

  constructor(options: CalleeOptions) {
    this.#options = options;
    this.#inputs = options.inputs ?? new ByteBudget(INPUT_BYTES_MAX);
    this.#outputs = options.outputs ?? new ByteBudget(OUTPUT_BYTES_MAX);
    const handler: LinkHandler = {
      opened: (agreement) => this.#opened(agreement),
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
    this.#isReplaced = isReplaced;
    // Before the hello there is nobody to tell yet.
    if (this.link.state === "open") this.#tellDrained(this.#lastId);
    if (this.#running.size === 0) this.#options.onFinished();
  }

  /** Says that bytes were taken to be sent: there is room for others. */
  flushed(): void {
    if (this.link.state === "closed") return;
    const waiting = this.link.pendingBytes;
    if (waiting === this.#queued) return;
    this.#outputs.add(waiting - this.#queued);
    this.#queued = waiting;
  }

  #opened(agreement: Agreement): void {
    this.#agreement = agreement;
    if (this.#drainedAfter !== undefined) this.#tellDrained(this.#drainedAfter);
  }

  #tellDrained(lastId: number): void {
    this.link.send(FrameType.drain, this.#isReplaced ? DRAIN_REPLACED : 0, lastId);
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
    else if (type === FrameType.chunk && running.message.sendsChunks)
      running.chunks?.push(frame.bytes, frame.start, frame.end);
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
    if (this.#running.size >= callsMax || (isStream && this.#streams >= streamsMax) || !this.#outputs.fits(1))
      return link.send(FrameType.refuse, REFUSED.busy, id);
    const { reading } = link;
    const weight = reading.weigh(bytes, start, end, this.#bounds) + (sendsChunks(flags) ? this.#windowBytes : 0);
    if (!this.#inputs.fits(weight)) return link.send(FrameType.refuse, REFUSED.busy, id);
    const message = readCall(flags, reading.make(bytes, start, end));
    if (message.remainingMs <= 0) return link.send(FrameType.refuse, REFUSED.late, id);
    const running = new Running(this, id, message, link.nowMs + message.remainingMs, weight);
    this.#running.add(running);
    this.#inputs.add(weight);
    if (isStream) this.#openStream(running);
    if (link.wakeBy(running.deadlineAt)) this.#options.onWake();
    this.#options.onCall(running);
  }

  #openStream(running: Running): void {
    this.#streams += 1;
    const { link } = this;
    const windowBytes = this.#windowBytes;
    if (running.message.sendsChunks)
      running.chunks = new ChunkReceiver(windowBytes, link.reading, (granted) => {
        if (!running.isAnswered) link.send(FrameType.credit, 0, running.id, creditBody(granted));
      });
    if (running.message.takesChunks)
      running.sender = new ChunkSender(windowBytes, (chunk) => link.send(FrameType.chunk, 0, running.id, chunk));
  }

  /** What is sent ahead of a stream, in either direction: a peer that would take more has no say in what waits here. */
  get #windowBytes(): number {
    return Math.min(this.link.limits.windowBytes, this.#agreement!.peerLimits.windowBytes);
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
    const failure = this.#sendReply(running.id, output, replayed);
    if (failure !== undefined) this.#sendFault(running.id, failure.toJSON(), false);
    this.#finishIfDrained();
    return failure;
  }

  /** Answers a call with a fault. */
  fault(running: Running, fault: FaultData, retried: boolean): void {
    if (this.#settle(running)) this.#sendFault(running.id, fault, retried);
    this.#finishIfDrained();
  }

  /** Sends an answer, or returns why it cannot be. */
  #sendReply(id: number, output: unknown, replayed: boolean): Fault | undefined {
    const { link } = this;
    try {
      const body = output === undefined ? undefined : link.writing.encode(output);
      if (body !== undefined && !this.#hasRoom(body)) return ReplyDropped.with({ waitingBytes: link.pendingBytes });
      link.send(FrameType.reply, replyFlags(output, replayed), id, body);
      return undefined;
    } catch (error) {
      const reason = Unsendable.is(error) ? error.data.reason : "it cannot be written";
      return ReplyUnsendable.with({ reason }, { cause: error });
    }
  }

  #sendFault(id: number, fault: FaultData, retried: boolean): void {
    const { link } = this;
    let body: Uint8Array;
    try {
      body = encodeFault(link.writing, fault);
      // What stands in for it is as long as a refusal, and no more than one for each call under way.
      if (!this.#hasRoom(body))
        body = encodeFault(link.writing, ReplyDropped.with({ waitingBytes: link.pendingBytes }).toJSON());
    } catch {
      body = encodeFault(link.writing, Broken.with(undefined).toJSON());
    }
    link.send(FrameType.fault, faultFlags(retried), id, body);
  }

  /** Whether an answer may wait with what waits already. */
  #hasRoom(body: Uint8Array): boolean {
    const grown = this.link.pendingBytes - this.#queued;
    if (grown > ACCOUNT_BYTES) this.flushed();
    return this.#outputs.fits(this.link.pendingBytes - this.#queued + body.length);
  }

  /** Gives the call's place free. Returns whether its caller still waits. */
  #settle(running: Running): boolean {
    if (running.isAnswered) return false;
    running.isAnswered = true;
    this.#running.delete(running);
    this.#inputs.add(-running.weight);
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
    this.#outputs.add(-this.#queued);
    this.#queued = 0;
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
