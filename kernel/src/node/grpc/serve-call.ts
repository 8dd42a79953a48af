/** Carries out one call over gRPC: who makes it is decided by its headers, before anything of its message is taken in. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { status } from "@grpc/grpc-js";
import { DeadlineExceeded, wasRetried } from "../../guard/mod.ts";
import { type Clock, type LogBudget, type Logger, toFault } from "../../std/mod.ts";
import { type Envelope, type InboundCall, type Reply, notStarted } from "../../transport/mod.ts";
import { CallMalformed, DEADLINE_MS_MAX, type Headers, callTo, noRoom } from "../external/mod.ts";
import { weightOf } from "../../wire/mod.ts";
import { CALL_BYTES, HeldBytes, type PeerAccount } from "../wire/mod.ts";
import { Answer } from "./answer.ts";
import type { GrpcMethod } from "./contracts.ts";
import { timeoutMsOf } from "./frames.ts";
import { takeMessage } from "./message-intake.ts";
import { Unfit } from "./messages.ts";

/** Who carries out calls. */
export interface Callee {
  readonly clock: Clock;
  readonly log: Logger;
  /** How much may be logged of calls that failed: what they are, peers decide. */
  readonly complaints: LogBudget;
  /** What is served, by path. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Lets a call in. @throws {PeerRefused} */
  readonly admit: (call: InboundCall, peerId: string) => Envelope;
  readonly handle: (envelope: Envelope) => Promise<Reply>;
}

/** How long a message may take to come, in milliseconds, and no longer than the call itself. */
const READ_MS = 20_000;

/** Answers what a peer asks on a stream. */
export async function serveCall(
  callee: Callee,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  account: PeerAccount,
): Promise<void> {
  const { clock, log, methods } = callee;
  stream.on("error", () => {});
  const answer = new Answer(stream, account, clock);
  if (headers[":method"] !== "POST") return answer.refuse(405);
  if (headers["content-type"]?.startsWith("application/grpc") !== true) return answer.refuse(415);
  const path = headers[":path"] ?? "";
  const method = methods.get(path);
  if (method === undefined) return answer.status(status.UNIMPLEMENTED, "There is no such method here.");
  const call = new ServedCall(callee, method, { stream, headers, account, answer });
  try {
    const { output, replayed } = await call.carryOut();
    answer.reply(method.output.write(output), replayed);
  } catch (error) {
    const fault = toFault(error);
    if (fault.kind === "broken" && callee.complaints.take()) log.error("grpc: a call failed", { path, error });
    answer.fault(fault, wasRetried(error));
  } finally {
    call.end();
  }
}

interface Asked {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly account: PeerAccount;
  readonly answer: Answer;
}

class ServedCall {
  readonly #callee: Callee;
  readonly #method: GrpcMethod;
  readonly #asked: Asked;
  readonly #held: HeldBytes;
  readonly #gone = new AbortController();
  readonly #endings: (() => void)[] = [];

  constructor(callee: Callee, method: GrpcMethod, asked: Asked) {
    this.#callee = callee;
    this.#method = method;
    this.#asked = asked;
    this.#held = new HeldBytes(asked.account.inputs);
    asked.stream.once("close", () => this.#gone.abort());
  }

  async carryOut(): Promise<Reply> {
    const { admit, handle } = this.#callee;
    const { account } = this.#asked;
    const { service, operation } = this.#method;
    const unproven = this.#unproven();
    // Nobody's message is taken in before it is known that they may call.
    const envelope = admit({ ...unproven, input: undefined, signal: this.#gone.signal }, account.id);
    if (!this.#held.take(CALL_BYTES)) throw noRoom(service);
    if (!account.outputs.fits(1)) throw notStarted({ service, reason: "this caller leaves too many answers unread" });
    const lateMs = unproven.deadlineAt - this.#callee.clock.monotonicMs();
    this.#giveUpAfter(lateMs, () => DeadlineExceeded.with({ label: `${service}.${operation}` }));
    return handle({ ...envelope, input: await this.#input(lateMs) });
  }

  /** What it holds is given back. */
  end(): void {
    this.#held.release();
    for (const end of this.#endings) end();
  }

  #unproven(): Omit<InboundCall, "input" | "signal"> {
    const { service, operation } = this.#method;
    const { headers } = this.#asked;
    const remainingMs = timeoutMsOf(headers["grpc-timeout"]) ?? Number.POSITIVE_INFINITY;
    if (remainingMs > DEADLINE_MS_MAX) throw CallMalformed.with({ problem: "grpc-timeout says how long it may take" });
    const deadlineAt = this.#callee.clock.monotonicMs() + remainingMs;
    const unproven = callTo({ service, operation, deadlineAt }, headers as Headers);
    if (typeof unproven === "string") throw CallMalformed.with({ problem: unproven });
    return unproven;
  }

  async #input(lateMs: number): Promise<unknown> {
    const { service, input } = this.#method;
    const { stream, headers } = this.#asked;
    const reason = "its message took too long";
    const read = lateMs < READ_MS ? undefined : this.#giveUpAfter(READ_MS, () => notStarted({ service, reason }));
    const encoding = String(headers["grpc-encoding"] ?? "identity");
    const bytes = await takeMessage(stream, { service, encoding, held: this.#held });
    read?.();
    try {
      // What is made of two bytes may take a hundred.
      if (!this.#held.take(weightOf(0, input.itemsOf(bytes)))) throw noRoom(service);
      return input.read(bytes);
    } catch (error) {
      if (error instanceof Unfit) throw CallMalformed.with({ problem: error.message });
      throw error;
    }
  }

  /** Answers with a fault after a while, whatever is under way; returns what prevents it. */
  #giveUpAfter(delayMs: number, why: () => Error): () => void {
    const timer = this.#callee.clock.after(Math.max(0, delayMs), () => {
      this.#asked.answer.fault(toFault(why()), false);
      this.#gone.abort();
    });
    const cancel = (): void => timer.cancel();
    this.#endings.push(cancel);
    return cancel;
  }
}
