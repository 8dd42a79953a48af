/**
 * Values as MessagePack. They are JSON values: members that are undefined are left out, -0 is 0, and what JSON does not
 * have (NaN, dates, bytes, big integers, texts with halves of characters) cannot be sent.
 */
import { Decoder, Encoder, type ExtensionCodecType } from "@msgpack/msgpack";
import { isFault } from "../std/mod.ts";
import { weightOf } from "./budget.ts";
import { Malformed, Unsendable } from "./faults.ts";
import { type ScanLimits, Scanner } from "./scan.ts";

/** An encoder keeps the room for the longest value it wrote; beyond this it is replaced. */
const KEEP_BYTES = 256 * 1024;

/** Extensions are not JSON. Objects that would be something else in JSON, such as dates, are refused. */
const noExtensions: ExtensionCodecType<undefined> = {
  tryToEncode(object) {
    if (typeof (object as { toJSON?: unknown }).toJSON === "function")
      throw Unsendable.with({ reason: "it holds an object that is no plain one" });
    return null;
  },
  decode() {
    throw Malformed.with({ reason: "an extension" });
  },
};

/** Writes and reads values within limits. */
export class ValueCodec {
  readonly #scanner: Scanner;
  readonly #bytesMax: number;
  readonly #depthMax: number;
  readonly #decoder = new Decoder({ extensionCodec: noExtensions });
  #encoder: Encoder<undefined>;

  constructor(limits: ScanLimits & { readonly frameBytesMax: number }) {
    this.#scanner = new Scanner(limits);
    this.#bytesMax = limits.frameBytesMax;
    this.#depthMax = limits.depthMax;
    this.#encoder = this.#newEncoder();
  }

  /**
   * The bytes of a value, valid until the next call. With `header`, the value is an array and its first `header.items`
   * items may have `header.bytesMax` bytes.
   * @throws {Unsendable}
   */
  encode(value: unknown, header?: HeaderBounds): Uint8Array {
    try {
      const bytes = this.#encoder.encodeSharedRef(value);
      if (bytes.length > KEEP_BYTES) this.#encoder = this.#newEncoder();
      if (bytes.length > this.#bytesMax)
        throw Unsendable.with({ reason: `it has ${bytes.length} bytes, and ${this.#bytesMax} are allowed` });
      this.#check(bytes, 0, bytes.length, header);
      return bytes;
    } catch (error) {
      this.#encoder = this.#newEncoder();
      if (Unsendable.is(error)) throw error;
      const reason = Malformed.is(error) ? `it has ${error.data.reason}` : String((error as Error).message);
      throw Unsendable.with({ reason }, { cause: error });
    }
  }

  /**
   * The value that fills the bytes from `start` to `end`.
   * @throws {Malformed}
   */
  decode(bytes: Uint8Array, start: number, end: number, header?: HeaderBounds): unknown {
    this.#check(bytes, start, end, header);
    return this.make(bytes, start, end);
  }

  /**
   * Looks through a value without making it. Returns what it will take of memory, in bytes.
   * @throws {Malformed}
   */
  weigh(bytes: Uint8Array, start: number, end: number, header?: HeaderBounds): number {
    this.#check(bytes, start, end, header);
    return weightOf(end - start, this.#scanner.items);
  }

  /** Makes a value that was looked through. @throws {Malformed} */
  make(bytes: Uint8Array, start: number, end: number): unknown {
    try {
      return this.#decoder.decode(bytes.subarray(start, end));
    } catch (error) {
      if (isFault(error)) throw error;
      throw Malformed.with({ reason: "a value that cannot be read" }, { cause: error });
    }
  }

  #check(bytes: Uint8Array, start: number, end: number, header: HeaderBounds | undefined): void {
    this.#scanner.scan(bytes, start, end, header?.items ?? -1);
    if (header === undefined) return;
    const { markedAt } = this.#scanner;
    if (markedAt === -1) throw Malformed.with({ reason: `fewer than ${header.items} items` });
    if (markedAt - start > header.bytesMax)
      throw Malformed.with({ reason: `a header of ${markedAt - start} bytes, and ${header.bytesMax} are allowed` });
  }

  #newEncoder(): Encoder<undefined> {
    return new Encoder({ ignoreUndefined: true, maxDepth: this.#depthMax + 1, extensionCodec: noExtensions });
  }
}

/** How much of a value is its header, and how long that may be. */
export interface HeaderBounds {
  readonly items: number;
  readonly bytesMax: number;
}
