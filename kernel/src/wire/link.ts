/**
 * What both sides of a connection have in common, without input and output: bytes come in by `receive`, go out by `take`,
 * time passes by `wake`. Nothing here outlives the connection; what was under way is told to whoever began it.
 *
 * A link never throws at who feeds it: what the peer does wrong closes it.
 */
import { type Fault, toFault } from "../std/mod.ts";
import { Malformed } from "./faults.ts";
import { type Frame, FrameReader, FrameType, FrameWriter, IGNORABLE_FROM } from "./frames.ts";
import { type Agreement, HELLO_BYTES_MAX, type Hello, WIRE_FEATURES, WIRE_VERSIONS } from "./hello.ts";
import { agree, encodeHello, readHello } from "./hello.ts";
import { WIRE_FLOOR, WIRE_LIMITS, WIRE_TIMING, type WireLimits, type WireTiming, smallerOf } from "./limits.ts";
import { ValueCodec } from "./values.ts";

/** What a link is made with. */
export interface LinkOptions {
  /** The monotonic time, in milliseconds. */
  readonly nowMs: number;
  /**
   * Called when bytes begin to wait, which are best taken at the end of the turn; and with true when so many frames wait
   * that they are best taken at once, so that the peer begins with them while this side makes the others. Otherwise both
   * sides take turns: one works, and the other waits for all of it.
   */
  readonly onOutput: (isMany: boolean) => void;
  readonly limits?: Partial<WireLimits> | undefined;
  readonly timing?: Partial<WireTiming> | undefined;
  /** Versions and features other than this build's: for tests of negotiation. */
  readonly hello?: Partial<Hello> | undefined;
}

/** What a side does with what its link does not see to itself. */
export interface LinkHandler {
  /** Both have said hello. */
  opened(agreement: Agreement): void;
  /** A frame of a call. @throws {Malformed} */
  frame(frame: Frame): void;
  /** The peer takes no further calls on this connection; those up to `lastId` it has taken. Others may follow on another. */
  drained(lastId: number, isReplaced: boolean): void;
  /** It is over. */
  closed(reason: string): void;
  /** Time has passed. Returns when to come back, on the monotonic clock. */
  wake(nowMs: number): number;
}

/** Flag of a drain: only this connection ends, and another to the same host may be made at once. */
export const DRAIN_REPLACED = 1;

/**
 * So many frames are enough for one write, and for one turn of the event loop. Measured with 64 calls at once
 * (`bench/wire.ts`): 8 cost more writes than they gain, with 32 the sides wait for each other.
 */
export const FRAMES_AT_ONCE = 16;

/** With so many bytes waiting for the peer, its pings are not answered. */
const PONG_BELOW_BYTES = 64 * 1024;

/** How far a link is. */
export type LinkState = "greeting" | "open" | "closed";

/** Greets, keeps alive, cuts bytes into frames and ends a connection. */
export class Link {
  readonly limits: WireLimits;
  /** Reads values within own limits. */
  readonly reading: ValueCodec;
  /** Writes values within the peer's limits; within the floor until they are known. */
  writing: ValueCodec = new ValueCodec(WIRE_FLOOR);
  state: LinkState = "greeting";
  /** The time that the last event came with. */
  nowMs: number;
  /** When `wake` is wanted, on the monotonic clock. */
  wakeAt: number;
  /** Whether nothing is read from the peer for now, so that its silence means nothing. */
  isPaused = false;
  readonly #timing: WireTiming;
  readonly #hello: Hello;
  readonly #reader = new FrameReader(HELLO_BYTES_MAX);
  readonly #writer = new FrameWriter();
  readonly #handler: LinkHandler;
  readonly #onOutput: (isMany: boolean) => void;
  #waitingFrames = 0;
  readonly #begunAt: number;
  #heardAt: number;
  #askedAt: number | undefined;
  /** When the frame that is under way began. */
  #amidSince: number | undefined;
  /** How many frames may still be taken of what is being received. */
  #framesLeft = 0;
  readonly #take = (frame: Frame): boolean => {
    // It is whole: what follows in the same bytes begins anew.
    this.#amidSince = undefined;
    this.#frame(frame);
    this.#framesLeft -= 1;
    return this.#framesLeft > 0 && this.state !== "closed";
  };

  constructor(options: LinkOptions, handler: LinkHandler) {
    const { nowMs, limits, timing, hello } = options;
    this.limits = { ...WIRE_LIMITS, ...limits };
    this.reading = new ValueCodec(this.limits);
    this.nowMs = nowMs;
    this.#begunAt = nowMs;
    this.#heardAt = nowMs;
    this.#timing = { ...WIRE_TIMING, ...timing };
    this.#hello = { versions: WIRE_VERSIONS, features: WIRE_FEATURES, limits: this.limits, ...hello };
    this.#handler = handler;
    this.#onOutput = options.onOutput;
    this.wakeAt = nowMs + this.#timing.helloMs;
  }

  /** Says hello: the first thing that each side does. */
  greet(): void {
    this.send(FrameType.hello, 0, 0, encodeHello(this.writing, this.#hello));
  }

  /** How many bytes wait to be taken. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** The bytes that are to be sent, in order; so many at most where it is said. What is left waits for the next time. */
  take(bytesMax?: number): Uint8Array[] {
    return this.#writer.take(bytesMax);
  }

  /** Adds a frame to what is to be sent. */
  send(type: number, flags: number, id: number, body?: Uint8Array): void {
    if (this.state === "closed") return;
    const isFirst = this.#writer.pendingBytes === 0;
    this.#writer.write(type, flags, id, body);
    this.#waitingFrames = isFirst ? 1 : this.#waitingFrames + 1;
    if (isFirst || this.#waitingFrames === FRAMES_AT_ONCE) this.#onOutput(!isFirst);
  }

  /**
   * Takes in bytes of the peer, or so many frames of them where it is said. Returns how many bytes that were: what follows is
   * to be given again. What breaks the protocol closes the link.
   */
  receive(chunk: Uint8Array, nowMs: number, framesMax = Number.POSITIVE_INFINITY): number {
    if (this.state === "closed") return chunk.length;
    this.#framesLeft = framesMax;
    this.nowMs = nowMs;
    this.#heardAt = nowMs;
    this.#askedAt = undefined;
    try {
      const read = this.#reader.read(chunk, this.#take);
      this.#amidSince = this.#reader.isAmid ? (this.#amidSince ?? nowMs) : undefined;
      return read;
    } catch (error) {
      this.close(toFault(error));
      return chunk.length;
    }
  }

  /** Says that time has passed, at `wakeAt` or later. */
  wake(nowMs: number): void {
    if (this.state === "closed") return;
    this.nowMs = Math.max(nowMs, this.nowMs);
    const late = this.#lateness();
    if (late !== undefined) {
      this.close(Malformed.with({ reason: late }));
      return;
    }
    this.wakeAt = Math.min(this.#keepAliveAt(), this.#handler.wake(this.nowMs));
  }

  /** Asks to be woken at a moment, if that is earlier than what is planned. Returns whether it is. */
  wakeBy(atMs: number): boolean {
    if (atMs >= this.wakeAt) return false;
    this.wakeAt = atMs;
    return true;
  }

  /** Ends the connection; a fault is told to the peer. What waits to be sent may still be taken. */
  close(fault?: Fault, reason = fault?.message ?? "closed"): void {
    if (this.state === "closed") return;
    if (fault !== undefined) this.send(FrameType.bye, 0, 0, this.#farewell(fault));
    this.state = "closed";
    this.wakeAt = Number.POSITIVE_INFINITY;
    this.#handler.closed(reason);
  }

  #farewell({ code, message }: Fault): Uint8Array {
    return this.writing.encode([code, message.slice(0, 1_000)]);
  }

  #frame(frame: Frame): void {
    const { type, id } = frame;
    if (this.state === "greeting" && type !== FrameType.hello && type !== FrameType.bye)
      throw Malformed.with({ reason: "something before its hello" });
    if (type >= FrameType.call && type < IGNORABLE_FROM) this.#handler.frame(frame);
    else if (type === FrameType.ping) this.#pong(id);
    else if (type === FrameType.hello) this.#greeted(frame);
    else if (type === FrameType.drain) this.#handler.drained(id, (frame.flags & DRAIN_REPLACED) !== 0);
    else if (type === FrameType.bye) this.close(undefined, `the peer said: ${this.#farewellOf(frame)}`);
    else if (type !== FrameType.pong && type < IGNORABLE_FROM)
      throw Malformed.with({ reason: `a frame of type ${type}` });
  }

  #greeted({ bytes, start, end }: Frame): void {
    if (this.state !== "greeting") throw Malformed.with({ reason: "a second hello" });
    const agreement = agree(this.#hello, readHello(this.reading.decode(bytes, start, end)));
    this.state = "open";
    this.#reader.frameBytesMax = this.limits.frameBytesMax;
    this.writing = new ValueCodec(smallerOf(this.limits, agreement.peerLimits));
    this.wakeBy(this.#keepAliveAt());
    this.#handler.opened(agreement);
  }

  /** Any byte is a sign of life: where enough of them wait, who sends pings and reads nothing gets no more to wait for it. */
  #pong(id: number): void {
    if (this.#writer.pendingBytes < PONG_BELOW_BYTES) this.send(FrameType.pong, 0, id);
  }

  #farewellOf({ bytes, start, end }: Frame): string {
    const said = this.reading.decode(bytes, start, end);
    return Array.isArray(said) ? said.slice(0, 2).map(String).join(": ").slice(0, 1_000) : "nothing";
  }

  /** What the peer is too late with. */
  #lateness(): string | undefined {
    const { helloMs, pongMs, frameMs } = this.#timing;
    const now = this.nowMs;
    if (this.state === "greeting" && now - this.#begunAt >= helloMs) return "no hello in time";
    if (this.isPaused) return undefined;
    if (this.#amidSince !== undefined && now - this.#amidSince >= frameMs) return "a frame that takes too long";
    if (this.#askedAt !== undefined && now - this.#askedAt >= pongMs) return "no answer to a ping";
    return undefined;
  }

  /** Asks the peer for a sign of life when it is due. Returns when to look again. */
  #keepAliveAt(): number {
    const { helloMs, idleMs, pongMs, frameMs } = this.#timing;
    if (this.state === "greeting") return this.#begunAt + helloMs;
    if (this.isPaused) return this.nowMs + pongMs;
    if (this.#askedAt === undefined && this.nowMs - this.#heardAt >= idleMs) {
      this.#askedAt = this.nowMs;
      this.send(FrameType.ping, 0, 1);
    }
    const aliveAt = this.#askedAt === undefined ? this.#heardAt + idleMs : this.#askedAt + pongMs;
    return Math.min(aliveAt, (this.#amidSince ?? this.nowMs) + frameMs);
  }
}
