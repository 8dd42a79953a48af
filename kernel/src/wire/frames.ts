/** Frames: how a connection's bytes are cut into messages. See docs/reference/wire.md. */
import { Malformed } from "./faults.ts";

/** What a frame is. Those from 0x80 on may be ignored by whoever does not know them. */
export const FrameType = {
  hello: 0x01,
  ping: 0x02,
  pong: 0x03,
  drain: 0x04,
  bye: 0x05,
  call: 0x10,
  reply: 0x11,
  fault: 0x12,
  refuse: 0x13,
  cancel: 0x14,
  chunk: 0x20,
  end: 0x21,
  credit: 0x22,
} as const;

/** From which type on frames may be ignored. */
export const IGNORABLE_FROM = 0x80;
/** Length, type, flags and id. */
export const HEAD_BYTES = 10;
/** What the length counts besides the body. */
export const COUNTED_BYTES = 6;

/** A frame that arrived. Its body stands in `bytes` from `start` to `end`, and is gone when the next one is read. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const NOTHING = new Uint8Array(0);

/** Cuts bytes into frames. Keeps at most twice the bytes of the frame that is under way. */
export class FrameReader {
  /** The longest frame that is taken; smaller until the peer said hello. */
  frameBytesMax: number;
  #stash = NOTHING;
  #stashed = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Whether a frame has begun and not ended. */
  get isAmid(): boolean {
    return this.#stashed > 0;
  }

  /**
   * Reads what came; calls `take` with each whole frame. `take` may return false to stop: then what follows has not been
   * read. Returns how many bytes were.
   * @throws {Malformed} when a frame is longer or shorter than allowed.
   */
  read(chunk: Uint8Array, take: (frame: Frame) => boolean): number {
    let at = 0;
    while (this.#stashed > 0 && at < chunk.length) {
      const wanted = this.#stashed < HEAD_BYTES ? HEAD_BYTES : this.#bytesOf(this.#stash, 0);
      const count = Math.min(wanted - this.#stashed, chunk.length - at);
      this.#keep(chunk, at, at + count);
      at += count;
      if (this.#stashed < HEAD_BYTES || this.#stashed < this.#bytesOf(this.#stash, 0)) continue;
      const whole = this.#stash;
      this.#stash = NOTHING;
      const end = this.#stashed;
      this.#stashed = 0;
      if (!take(frameAt(whole, 0, end))) return at;
    }
    while (chunk.length - at >= HEAD_BYTES) {
      const end = at + this.#bytesOf(chunk, at);
      if (end > chunk.length) break;
      if (!take(frameAt(chunk, at, end))) return end;
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
    return chunk.length;
  }

  #bytesOf(bytes: Uint8Array, at: number): number {
    const length = uint32At(bytes, at);
    if (length > this.frameBytesMax) throw Malformed.with({ reason: `a frame of ${length} bytes` });
    if (length < COUNTED_BYTES) throw Malformed.with({ reason: "a frame without a head" });
    return length + 4;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const length = this.#stashed + to - from;
    if (length > this.#stash.length) {
      const larger = new Uint8Array(Math.max(64, length, Math.min(length * 2, this.frameBytesMax + 4)));
      larger.set(this.#stash.subarray(0, this.#stashed));
      this.#stash = larger;
    }
    this.#stash.set(chunk.subarray(from, to), this.#stashed);
    this.#stashed = length;
  }
}

function frameAt(bytes: Uint8Array, at: number, end: number): Frame {
  return { type: bytes[at + 4]!, flags: bytes[at + 5]!, id: uint32At(bytes, at + 6), bytes, start: at + 10, end };
}

/** The big-endian number of four bytes. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

const SLAB_BYTES = 64 * 1024;

/** Collects frames that are to be sent, so that many leave in one write. What was taken is never written again. */
export class FrameWriter {
  #full: Uint8Array[] = [];
  #slab = NOTHING;
  #start = 0;
  #at = 0;
  /** How many bytes wait to be taken. */
  pendingBytes = 0;

  /** Adds a frame; the body is copied. */
  write(type: number, flags: number, id: number, body: Uint8Array = NOTHING): void {
    const size = HEAD_BYTES + body.length;
    if (this.#slab.length - this.#at < size) this.#turn(size);
    const slab = this.#slab;
    const at = this.#at;
    putUint32(slab, at, COUNTED_BYTES + body.length);
    slab[at + 4] = type;
    slab[at + 5] = flags;
    putUint32(slab, at + 6, id);
    slab.set(body, at + HEAD_BYTES);
    this.#at = at + size;
    this.pendingBytes += size;
  }

  /** What waits, in order, up to so many bytes: all of it unless said. It waits no more. */
  take(bytesMax: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    if (bytesMax <= 0) return [];
    const waiting = this.#full;
    if (this.#at > this.#start) waiting.push(this.#slab.subarray(this.#start, this.#at));
    this.#start = this.#at;
    if (this.pendingBytes <= bytesMax) {
      this.#full = [];
      this.pendingBytes = 0;
      return waiting;
    }
    let left = bytesMax;
    let whole = 0;
    while (waiting[whole]!.length <= left) left -= waiting[whole++]!.length;
    const taken = waiting.splice(0, whole);
    // Frames may be cut anywhere: the other side puts them together again.
    if (left > 0) {
      taken.push(waiting[0]!.subarray(0, left));
      waiting[0] = waiting[0]!.subarray(left);
    }
    this.pendingBytes -= bytesMax;
    return taken;
  }

  #turn(size: number): void {
    if (this.#at > this.#start) this.#full.push(this.#slab.subarray(this.#start, this.#at));
    this.#slab = new Uint8Array(Math.max(size, this.#slab.length === 0 ? 4_096 : SLAB_BYTES));
    this.#start = 0;
    this.#at = 0;
  }
}

/** Writes a number as four bytes, big-endian. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** The body of a credit frame. */
export function creditBody(bytes: number): Uint8Array {
  const body = new Uint8Array(4);
  putUint32(body, 0, bytes);
  return body;
}

/** The bytes that a credit frame grants. @throws {Malformed} */
export function creditOf({ bytes, start, end }: Frame): number {
  if (end - start < 4) throw Malformed.with({ reason: "a credit without a number" });
  return uint32At(bytes, start);
}
