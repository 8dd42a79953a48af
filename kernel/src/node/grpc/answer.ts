/** The answer to one call: given once, and no longer waiting for whoever does not read it. */
import { type OutgoingHttpHeaders, type ServerHttp2Stream, constants } from "node:http2";
import { status } from "@grpc/grpc-js";
import type { Clock, Fault } from "../../std/mod.ts";
import { ReplyDropped, ReplyUnsendable } from "../../wire/mod.ts";
import { BODY_BYTES_MAX } from "../external/mod.ts";
import { HeldBytes, type PeerAccount } from "../wire/mod.ts";
import { framed, percentEncoded } from "./frames.ts";
import { DETAILS, detailsOf, statusOf } from "./status.ts";

/** How long an answer may wait to be read, in milliseconds. */
const ANSWER_MS = 20_000;
const HEADERS = { ":status": 200, "content-type": "application/grpc+proto", "grpc-accept-encoding": "gzip,deflate" };

/** What is answered on one stream. */
export class Answer {
  readonly #stream: ServerHttp2Stream;
  readonly #account: PeerAccount;
  readonly #clock: Clock;
  #isGiven = false;

  constructor(stream: ServerHttp2Stream, account: PeerAccount, clock: Clock) {
    this.#stream = stream;
    this.#account = account;
    this.#clock = clock;
  }

  /**
   * Answers with a message.
   * @throws {ReplyUnsendable} when it is too large.
   * @throws {ReplyDropped} when the peer leaves too much unread already.
   */
  reply(message: Uint8Array, replayed: boolean): void {
    if (!this.#begin()) return;
    try {
      if (message.length > BODY_BYTES_MAX)
        throw ReplyUnsendable.with({ reason: `it has more than ${BODY_BYTES_MAX} bytes` });
      const held = new HeldBytes(this.#account.outputs);
      if (!held.take(message.length)) throw ReplyDropped.with({ waitingBytes: this.#account.outputs.usedBytes });
      this.#stream.once("close", () => held.release());
    } catch (error) {
      this.#isGiven = false;
      throw error;
    }
    const trailers = { "grpc-status": String(status.OK), ...(replayed ? { "isomer-replayed": "true" } : {}) };
    this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(trailers));
    this.#stream.respond(HEADERS, { waitForTrailers: true });
    this.#stream.end(framed(message));
    this.#endInTime();
  }

  /** Answers with a fault. */
  fault(fault: Fault, wasRetried: boolean): void {
    this.status(statusOf(fault), fault.message, { [DETAILS]: detailsOf(fault, wasRetried).toString("base64") });
  }

  /** Answers with a status, and nothing more of ours. */
  status(code: status, text: string, more: OutgoingHttpHeaders = {}): void {
    this.#last({ ...HEADERS, "grpc-status": String(code), "grpc-message": percentEncoded(text), ...more });
  }

  /** Answers one who does not speak gRPC. */
  refuse(httpStatus: number): void {
    this.#last({ ":status": httpStatus });
  }

  #last(headers: OutgoingHttpHeaders): void {
    if (!this.#begin()) return;
    this.#stream.respond(headers, { endStream: true });
    // Whoever is not yet through with asking need not go on.
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
    this.#endInTime();
  }

  #begin(): boolean {
    if (this.#isGiven || this.#stream.closed || this.#stream.destroyed) return false;
    this.#isGiven = true;
    return true;
  }

  #endInTime(): void {
    const timer = this.#clock.after(ANSWER_MS, () => this.#stream.close(constants.NGHTTP2_CANCEL));
    this.#stream.once("close", () => timer.cancel());
  }
}
