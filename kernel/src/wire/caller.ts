/**
 * The side that calls, without input and output. Each call ends exactly once, with what is known of it: that it was
 * answered, that it was certainly not started, or that nobody knows.
 */
import { CallTable } from "./call-table.ts";
import { Malformed, type NotStartedReason, Unsendable } from "./faults.ts";
import { type Frame, FrameType, creditBody, creditOf } from "./frames.ts";
import type { Agreement } from "./hello.ts";
import { Link, type LinkHandler, type LinkOptions } from "./link.ts";
import { callFlags, encodeCall, headerBounds, readFault, readReplyFlags } from "./messages.ts";
import { type CallHandle, type CallOutcome, type OutgoingCall, Pending, type PendingOwner } from "./outgoing-call.ts";
import { ChunkReceiver, ChunkSender } from "./streams.ts";
import type { HeaderBounds } from "./values.ts";

/** What the side that calls is made with. */
export interface CallerOptions extends LinkOptions {
  /** How many calls may wait for a place; further ones are refused. 4,096 unless said. */
  readonly waitingMax?: number | undefined;
  /** From how many unsent bytes on calls wait for a place; 1 MiB unless said. One call may go beyond it. */
  readonly pendingBytesMax?: number | undefined;
  /** What the error is that a broken stream throws. */
  readonly streamError: (detail: string) => Error;
  /** The peer takes no further calls, or the connection is over. */
  readonly onUnusable: () => void;
  /** An earlier wake than planned is wanted. */
  readonly onWake: () => void;
  /** Nothing is under way, and nothing will be. */
  readonly onFinished: () => void;
  /** Both have said hello. */
  readonly onOpened?: () => void;
  readonly onClosed: (reason: string) => void;
}

/** The refusals that a callee sends, by number. */
export const REFUSALS: readonly (NotStartedReason | "late")[] = ["draining", "busy", "late", "unsupported"];

/** How many calls wait, and how many bytes may before they do, unless it is said. */
const WAITING_MAX = 4_096;
const PENDING_BYTES_MAX = 1024 * 1024;

/** Ids end here; the connection is replaced before. */
const ID_MAX = 2 ** 31 - 1;

/** The calling side of a connection. */
export class CallerSide implements PendingOwner {
  readonly link: Link;
  readonly #options: CallerOptions;
  readonly #pendingBytesMax: number;
  readonly #active = new CallTable<Pending>();
  #waiting: Pending[] = [];
  #waitingFrom = 0;
  #lastId = 0;
  #callsMax = 0;
  #streams = 0;
  #bounds: HeaderBounds | undefined;
  #agreement: Agreement | undefined;
  #isCongested = false;
  /** Whether calls may be given to it. */
  isUsable = true;
  /** Whether the peer said that it takes no further calls, other than to replace the connection. */
  isDrained = false;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#pendingBytesMax = options.pendingBytesMax ?? PENDING_BYTES_MAX;
    const handler: LinkHandler = {
      opened: (agreement) => this.#opened(agreement),
      frame: (frame) => this.#frame(frame),
      drained: (lastId, isReplaced) => this.#drained(lastId, isReplaced ? "replaced" : "draining"),
      closed: (reason) => this.#closed(reason),
      wake: (nowMs) => this.#wake(nowMs),
    };
    this.link = new Link(options, handler);
    this.link.greet();
  }

  /** Whether both said hello. */
  get isOpened(): boolean {
    return this.#agreement !== undefined;
  }

  /** How many calls are sent and not answered. */
  get activeCalls(): number {
    return this.#active.size;
  }

  /** How many calls wait for a place. */
  get waitingCalls(): number {
    return this.#waiting.length - this.#waitingFrom;
  }

  /**
   * Makes a call, at once or when there is a place. `onEnd` is called once, never before this returns; a call that ends at
   * once is told by what is returned instead.
   */
  call(call: OutgoingCall, nowMs: number, onEnd: (outcome: CallOutcome) => void): CallHandle | CallOutcome {
    if (call.deadlineAt <= nowMs) return { kind: "expired" };
    if (!this.isUsable) return { kind: "refused", reason: "closed", detail: "the connection takes no further calls" };
    if (this.waitingCalls >= (this.#options.waitingMax ?? WAITING_MAX))
      return { kind: "refused", reason: "busy", detail: "too many calls wait already" };
    const pending = new Pending(this, call, onEnd);
    const { link } = this;
    link.nowMs = nowMs;
    if (this.#hasPlace() && this.waitingCalls === 0) {
      const failed = this.#send(pending);
      if (failed !== undefined) return failed;
    } else {
      this.#waiting.push(pending);
    }
    if (link.wakeBy(call.deadlineAt)) this.#options.onWake();
    return pending;
  }

  /** Takes no further calls; those under way end as they would. For a connection whose credentials were replaced. */
  retire(): void {
    if (!this.isUsable) return;
    this.isUsable = false;
    this.#refuseWaiting("replaced", "the connection is being replaced");
    this.#options.onUnusable();
    if (this.#active.size === 0) this.#options.onFinished();
  }

  /** Says that bytes were taken, and whether more wait than should all the same: then calls wait, too. */
  flushed(isCongested: boolean): void {
    this.#isCongested = isCongested;
    if (!isCongested && this.waitingCalls > 0) this.#sendWaiting();
  }

  /** Ends a call from this side. */
  giveUp(pending: Pending, outcome: CallOutcome): void {
    if (pending.onEnd === undefined) return;
    if (pending.id !== 0) {
      this.link.send(FrameType.cancel, 0, pending.id);
      this.#release(pending);
    }
    this.#end(pending, outcome);
    this.#sendWaiting();
  }

  /** Encodes and sends a chunk. */
  async writeChunk(sender: ChunkSender, value: unknown): Promise<boolean> {
    const bytes = this.link.writing.encode(value);
    if (bytes.length > sender.chunkBytesMax)
      throw Unsendable.with({ reason: `a chunk has ${bytes.length} bytes, and ${sender.chunkBytesMax} are allowed` });
    return sender.write(bytes);
  }

  /** Ends what this side sends of a stream. */
  endChunks(pending: Pending, isWhole: boolean): void {
    if (pending.onEnd === undefined || pending.sender === undefined) return;
    pending.sender.close();
    this.link.send(FrameType.end, isWhole ? 0 : 1, pending.id);
  }

  #hasPlace(): boolean {
    const { link } = this;
    if (link.state !== "open" || this.#isCongested || this.#active.size >= this.#callsMax) return false;
    return link.pendingBytes < this.#pendingBytesMax;
  }

  #opened(agreement: Agreement): void {
    this.#agreement = agreement;
    const { peerLimits } = agreement;
    this.#callsMax = Math.min(peerLimits.callsMax, this.link.limits.callsMax);
    this.#bounds = headerBounds(peerLimits.headerBytesMax);
    this.#options.onOpened?.();
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    while (this.#waitingFrom < this.#waiting.length && this.#hasPlace()) {
      const pending = this.#waiting[this.#waitingFrom]!;
      this.#waitingFrom += 1;
      if (pending.onEnd === undefined) continue;
      const failed = this.#send(pending);
      if (failed !== undefined) this.#end(pending, failed);
    }
    if (this.#waitingFrom === this.#waiting.length) {
      this.#waiting = [];
      this.#waitingFrom = 0;
    } else if (this.#waitingFrom > 1_024) {
      this.#waiting.splice(0, this.#waitingFrom);
      this.#waitingFrom = 0;
    }
  }

  /** Sends a call. Returns how it ended if it could not be. */
  #send(pending: Pending): CallOutcome | undefined {
    const { call } = pending;
    const { link } = this;
    const remainingMs = call.deadlineAt - link.nowMs;
    if (remainingMs <= 0) return { kind: "expired" };
    const isStream = call.sendsChunks || call.takesChunks;
    if (isStream) {
      const failed = this.#openStream(pending);
      if (failed !== undefined) return failed;
    }
    let body: Uint8Array;
    try {
      body = encodeCall(link.writing, { ...call, remainingMs }, this.#bounds!);
    } catch (error) {
      if (isStream) this.#streams -= 1;
      return { kind: "unsendable", error: error as Error };
    }
    pending.id = this.#lastId += 1;
    this.#active.add(pending);
    link.send(FrameType.call, callFlags(call), pending.id, body);
    for (const sent of pending.onSent?.splice(0) ?? []) sent();
    if (this.#lastId >= ID_MAX) this.retire();
    return undefined;
  }

  #openStream(pending: Pending): CallOutcome | undefined {
    const { features, peerLimits } = this.#agreement!;
    if (!features.has("streams"))
      return { kind: "refused", reason: "unsupported", detail: "the peer knows no streams" };
    if (this.#streams >= Math.min(peerLimits.streamsMax, this.link.limits.streamsMax))
      return { kind: "refused", reason: "busy", detail: "too many streams" };
    this.#streams += 1;
    const { link } = this;
    const windowBytes = Math.min(peerLimits.windowBytes, link.limits.windowBytes);
    if (pending.call.sendsChunks)
      pending.sender = new ChunkSender(windowBytes, (bytes) => link.send(FrameType.chunk, 0, pending.id, bytes));
    if (pending.call.takesChunks)
      pending.chunks = new ChunkReceiver(windowBytes, link.reading, (bytes) => {
        if (pending.onEnd !== undefined) link.send(FrameType.credit, 0, pending.id, creditBody(bytes));
      });
    return undefined;
  }

  #frame(frame: Frame): void {
    const { type, flags, id, bytes, start, end } = frame;
    if (id === 0 || id > this.#lastId) throw Malformed.with({ reason: "an answer to a call that was not made" });
    const pending = this.#active.get(id);
    // It was given up meanwhile.
    if (pending === undefined) return;
    const { reading } = this.link;
    if (type === FrameType.reply) {
      const { replayed, hasOutput } = readReplyFlags(flags);
      const output = hasOutput ? reading.decode(bytes, start, end) : undefined;
      this.#answered(pending, { kind: "reply", output, replayed });
    } else if (type === FrameType.fault) {
      this.#answered(pending, { kind: "fault", ...readFault(flags, reading.decode(bytes, start, end)) });
    } else if (type === FrameType.refuse) {
      const reason = REFUSALS[flags] ?? "busy";
      const detail = "the callee said so";
      this.#answered(pending, reason === "late" ? { kind: "expired" } : { kind: "refused", reason, detail });
    } else if (type === FrameType.chunk && pending.chunks !== undefined) {
      pending.chunks.push(bytes, start, end);
    } else if (type === FrameType.credit && pending.sender !== undefined) {
      pending.sender.grant(creditOf(frame));
    } else {
      throw Malformed.with({ reason: `a frame of type ${type} that has no place here` });
    }
  }

  #answered(pending: Pending, outcome: CallOutcome): void {
    this.#release(pending);
    this.#end(pending, outcome);
    if (this.waitingCalls > 0) this.#sendWaiting();
  }

  #release(pending: Pending): void {
    this.#active.delete(pending);
    if (pending.sender !== undefined || pending.chunks !== undefined) this.#streams -= 1;
    if (!this.isUsable && this.#active.size === 0 && this.link.state === "open") this.#options.onFinished();
  }

  #end(pending: Pending, outcome: CallOutcome): void {
    const { onEnd } = pending;
    pending.onEnd = undefined;
    pending.sender?.close();
    pending.chunks?.end(
      outcome.kind === "reply" ? undefined : this.#options.streamError(`its call ended: ${outcome.kind}`),
    );
    for (const sent of pending.onSent?.splice(0) ?? []) sent();
    onEnd?.(outcome);
  }

  #drained(lastId: number, reason: NotStartedReason): void {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    this.isDrained = reason === "draining";
    for (const pending of this.#active.values()) {
      if (pending.id <= lastId) continue;
      this.#active.delete(pending);
      this.#end(pending, { kind: "refused", reason, detail: "the callee takes no further calls" });
    }
    this.#refuseWaiting(reason, "the callee takes no further calls");
    if (wasUsable) this.#options.onUnusable();
    if (this.#active.size === 0) this.#options.onFinished();
  }

  #refuseWaiting(reason: NotStartedReason, detail: string): void {
    const waiting = this.#waiting.slice(this.#waitingFrom);
    this.#waiting = [];
    this.#waitingFrom = 0;
    for (const pending of waiting)
      if (pending.onEnd !== undefined) this.#end(pending, { kind: "refused", reason, detail });
  }

  #closed(reason: string): void {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    const active = this.#active.values();
    this.#active.clear();
    for (const pending of active) this.#end(pending, { kind: "lost", detail: reason });
    this.#refuseWaiting(this.isOpened ? "closed" : "unreachable", reason);
    if (wasUsable) this.#options.onUnusable();
    this.#options.onClosed(reason);
  }

  /** Ends what is too late. Returns when the next call will be. */
  #wake(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const pending of [...this.#active.values(), ...this.#waiting.slice(this.#waitingFrom)]) {
      if (pending.onEnd === undefined) continue;
      const { deadlineAt } = pending.call;
      if (deadlineAt <= nowMs) this.giveUp(pending, { kind: "expired" });
      else if (deadlineAt < next) next = deadlineAt;
    }
    return next;
  }
}
