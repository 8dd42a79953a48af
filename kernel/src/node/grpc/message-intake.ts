/** Takes in the one message of a call: no more of it than its peer may have here, and as long as it says. */
import type { ServerHttp2Stream } from "node:http2";
import { notStarted } from "../../transport/mod.ts";
import { BODY_BYTES_MAX, CallMalformed, noRoom } from "../external/mod.ts";
import type { HeldBytes } from "../wire/mod.ts";
import { PREFIX_BYTES, decompressed } from "./frames.ts";

/** How a message comes. */
export interface IntakeOptions {
  readonly service: string;
  /** By what it is compressed, if it is: the header `grpc-encoding`. */
  readonly encoding: string;
  /** What it holds of the peer's budget, from when its length is known. */
  readonly held: HeldBytes;
}

/**
 * Reads the message of a call.
 * @throws {CallMalformed} when it is none, too large, or not the only one.
 * @throws {Fault} `transport/not-started` when its peer has too much here already, or goes before it is whole.
 */
export function takeMessage(stream: ServerHttp2Stream, options: IntakeOptions): Promise<Buffer> {
  const intake = new Intake(options);
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = (settle: () => void): void => {
      isOver = true;
      try {
        settle();
      } catch (error) {
        reject(error as Error);
      }
    };
    stream.on("data", (chunk: Buffer) => {
      // What comes afterwards is read and thrown away.
      if (isOver) return;
      try {
        intake.push(chunk);
      } catch (error) {
        end(() => reject(error as Error));
      }
    });
    stream.once("end", () => isOver || end(() => resolve(intake.message())));
    stream.once("close", () => {
      const reason = "it ended before its message was whole";
      if (!isOver) end(() => reject(notStarted({ service: options.service, reason })));
    });
  });
}

class Intake {
  readonly #options: IntakeOptions;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixed = 0;
  #message: Buffer | undefined;
  #filled = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#message === undefined) {
        const taken = chunk.copy(this.#prefix, this.#prefixed, at);
        this.#prefixed += taken;
        at += taken;
        if (this.#prefixed === PREFIX_BYTES) this.#message = this.#begun(this.#prefix.readUInt32BE(1));
        continue;
      }
      const taken = chunk.copy(this.#message, this.#filled, at);
      if (taken === 0) throw CallMalformed.with({ problem: "it has more than one message" });
      this.#filled += taken;
      at += taken;
    }
  }

  /** The message, when all of it has come. */
  message(): Buffer {
    if (this.#message === undefined || this.#filled < this.#message.length)
      throw CallMalformed.with({ problem: "its message is not whole" });
    const isCompressed = this.#prefix.readUInt8(0) !== 0;
    return isCompressed ? this.#decompressed(this.#message) : this.#message;
  }

  /** As long as it says: pieces that were kept as they come would take a hundred times of what is in them. */
  #begun(bytes: number): Buffer {
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    this.#hold(bytes);
    return Buffer.allocUnsafe(bytes);
  }

  #decompressed(message: Buffer): Buffer {
    let whole: Buffer;
    try {
      whole = decompressed(message, this.#options.encoding, BODY_BYTES_MAX);
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge();
      throw CallMalformed.with({ problem: "its message is compressed by neither gzip nor deflate" });
    }
    this.#hold(whole.length);
    return whole;
  }

  #hold(bytes: number): void {
    if (this.#options.held.take(bytes)) return;
    throw noRoom(this.#options.service);
  }
}

function tooLarge(): Error {
  return CallMalformed.with({ problem: `its body has more than ${BODY_BYTES_MAX} bytes` });
}
