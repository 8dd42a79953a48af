/**
 * Streams within a call: chunks in either direction, as many bytes ahead as the receiver gave credit for. Nobody keeps more
 * than that, however slow the other side is.
 */
import { Malformed } from "./faults.ts";
import type { ValueCodec } from "./values.ts";

/**
 * What the shortest chunk costs of the credit: so that what stands about a chunk in memory is bounded, too. A window of
 * 256 KiB holds 1,024 chunks.
 */
export const CHUNK_COST_MIN = 256;

function costOf(bytes: number): number {
  return Math.max(bytes, CHUNK_COST_MIN);
}

/** One end that sends chunks. */
export class ChunkSender {
  readonly #window: number;
  readonly #send: (bytes: Uint8Array) => void;
  #credit: number;
  readonly #waiting: { readonly bytes: Uint8Array; readonly resolve: (isSent: boolean) => void }[] = [];
  #isClosed = false;

  /** `windowBytes` is what the peer takes ahead. */
  constructor(windowBytes: number, send: (bytes: Uint8Array) => void) {
    this.#window = windowBytes;
    this.#credit = windowBytes;
    this.#send = send;
  }

  /**
   * Sends an encoded chunk when there is credit for it. Resolves with whether it was sent: false when the stream ended
   * first. Chunks keep their order; whoever does not wait keeps them in memory.
   */
  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    const cost = costOf(bytes.length);
    if (this.#waiting.length === 0 && cost <= this.#credit) {
      this.#credit -= cost;
      this.#send(bytes);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.push({ bytes: bytes.slice(), resolve }));
  }

  /** The longest chunk, in bytes. Half the window, because credit is given back in halves: more might wait for ever. */
  get chunkBytesMax(): number {
    return this.#window >> 1;
  }

  /** The peer took bytes. @throws {Malformed} when it takes more than it was sent. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > this.#window) throw Malformed.with({ reason: "credit for more than was sent" });
    while (this.#waiting.length > 0 && costOf(this.#waiting[0]!.bytes.length) <= this.#credit) {
      const { bytes: next, resolve } = this.#waiting.shift()!;
      this.#credit -= costOf(next.length);
      this.#send(next);
      resolve(true);
    }
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }
}

type Ending = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: Error };

/** One end that receives chunks, in order, once. */
export class ChunkReceiver implements AsyncIterable<unknown> {
  readonly #window: number;
  readonly #codec: ValueCodec;
  readonly #grant: (bytes: number) => void;
  /** As they came: what is made of one may take fifty times as much. */
  readonly #chunks: Uint8Array[] = [];
  /** What came and was not granted again: waiting here, or taken of late. */
  #held = 0;
  #taken = 0;
  #ending: Ending | undefined;
  #wake: (() => void) | undefined;

  /** `codec` reads the chunks; `grant` lets the peer send so many bytes more. */
  constructor(windowBytes: number, codec: ValueCodec, grant: (bytes: number) => void) {
    this.#window = windowBytes;
    this.#codec = codec;
    this.#grant = grant;
  }

  /** Takes in the chunk from `start` to `end`. @throws {Malformed} when it is none, or the peer had no credit for it. */
  push(bytes: Uint8Array, start: number, end: number): void {
    this.#codec.weigh(bytes, start, end);
    const cost = costOf(end - start);
    if (this.#ending !== undefined) return this.#grant(cost);
    this.#held += cost;
    if (this.#held > this.#window) throw Malformed.with({ reason: "a chunk without credit" });
    // Not `slice`: of a socket's buffer that is no copy, and would keep all of it.
    this.#chunks.push(new Uint8Array(bytes.subarray(start, end)));
    this.#wake?.();
  }

  /** No more come; with an error, what is left is still read before it is thrown. */
  end(error?: Error): void {
    this.#ending ??= error === undefined ? { kind: "done" } : { kind: "failed", error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    try {
      while (true) {
        const next = this.#chunks.shift();
        if (next !== undefined) {
          this.#tookBytes(costOf(next.length));
          yield this.#codec.make(next, 0, next.length);
        } else if (this.#ending === undefined) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        } else if (this.#ending.kind === "failed") {
          throw this.#ending.error;
        } else {
          return;
        }
      }
    } finally {
      // Whoever stops reading early still lets the sender get to its end.
      this.#ending ??= { kind: "done" };
      this.#tookBytes(
        this.#chunks.splice(0).reduce((sum, { length }) => sum + costOf(length), 0),
        true,
      );
    }
  }

  /** Credit is given back in halves of the window, not for each chunk. */
  #tookBytes(bytes: number, atOnce = false): void {
    this.#taken += bytes;
    if (this.#taken === 0 || (!atOnce && this.#taken * 2 < this.#window)) return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#held -= taken;
    this.#grant(taken);
  }
}
