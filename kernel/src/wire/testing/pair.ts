/** Both sides of a connection in memory, with a clock that is moved by hand. */
import type { ByteBudget } from "../budget.ts";
import { CalleeSide, type IncomingCall } from "../callee.ts";
import { CallerSide } from "../caller.ts";
import type { Hello } from "../hello.ts";
import type { WireLimits, WireTiming } from "../limits.ts";
import type { Link } from "../link.ts";
import type { CallHandle, CallOutcome, OutgoingCall } from "../outgoing-call.ts";

/** What a pair may be made with. */
export interface PairOptions {
  readonly callerLimits?: Partial<WireLimits>;
  readonly calleeLimits?: Partial<WireLimits>;
  readonly timing?: Partial<WireTiming>;
  readonly callerHello?: Partial<Hello>;
  readonly waitingMax?: number;
  readonly inputs?: ByteBudget;
  readonly outputs?: ByteBudget;
  /** Into how many bytes the stream is cut at most. */
  readonly piece?: number;
}

/** A call that says nothing special. */
export const plainCall: OutgoingCall = {
  ...{
    service: "orders",
    operation: "place",
    key: "k",
    clientKey: false,
    insists: false,
    mayBeStale: false,
    attempt: 1,
  },
  ...{ deadlineAt: 1_000, caller: "checkout", criticality: "normal", traceparent: undefined, tracestate: undefined },
  ...{ userToken: undefined, input: { n: 1 }, sendsChunks: false, takesChunks: false },
};

/** A connection between two sides. */
export class Pair {
  nowMs = 0;
  readonly caller: CallerSide;
  readonly callee: CalleeSide;
  readonly calls: IncomingCall[] = [];
  /** What happened to the connection, in order. */
  readonly log: string[] = [];
  /** Whether bytes get through, from and to the caller. */
  carries = { there: true, back: true };
  readonly #piece: number;

  constructor(options: PairOptions = {}) {
    const { callerLimits, calleeLimits, timing, callerHello, waitingMax, piece = Infinity } = options;
    const { inputs, outputs } = options;
    this.#piece = piece;
    const common = { nowMs: 0, timing, onOutput: () => {}, onWake: () => {} };
    const streamError = (detail: string): Error => new Error(detail);
    this.caller = new CallerSide({
      ...{ ...common, limits: callerLimits, hello: callerHello, waitingMax, streamError },
      onUnusable: () => this.log.push("unusable"),
      onFinished: () => this.log.push("caller finished"),
      onClosed: (reason) => this.log.push(`caller closed: ${reason}`),
    });
    this.callee = new CalleeSide({
      ...{ ...common, limits: calleeLimits, streamError, inputs, outputs },
      onCall: (call) => this.calls.push(call),
      onFinished: () => this.log.push("callee finished"),
      onClosed: (reason) => this.log.push(`callee closed: ${reason}`),
    });
  }

  /** Carries bytes both ways until there are none. */
  pump(): this {
    for (let isBusy = true; isBusy;) {
      isBusy = this.#carry(this.caller.link, this.callee.link, this.carries.there);
      isBusy = this.#carry(this.callee.link, this.caller.link, this.carries.back) || isBusy;
      this.callee.flushed();
      this.caller.flushed(false);
      isBusy ||= this.caller.link.pendingBytes > 0;
    }
    return this;
  }

  /** Lets time pass. */
  pass(ms: number): this {
    const until = this.nowMs + ms;
    while (true) {
      const next = Math.min(this.caller.link.wakeAt, this.callee.link.wakeAt);
      if (next > until) break;
      this.nowMs = Math.max(next, this.nowMs);
      for (const { link } of [this.caller, this.callee]) if (link.wakeAt <= this.nowMs) link.wake(this.nowMs);
      this.pump();
    }
    this.nowMs = until;
    return this;
  }

  /** Makes a call; its outcome is added to the list when it ends. */
  call(more: Partial<OutgoingCall> = {}, outcomes: CallOutcome[] = []): CallHandle | undefined {
    const call = { ...plainCall, deadlineAt: this.nowMs + 1_000, ...more };
    const handle = this.caller.call(call, this.nowMs, (outcome) => outcomes.push(outcome));
    if (!("kind" in handle)) return handle;
    outcomes.push(handle);
    return undefined;
  }

  #carry(from: Link, to: Link, gets: boolean): boolean {
    const parts = from.take();
    if (!gets) return false;
    for (const part of parts) {
      for (let at = 0; at < part.length; at += this.#piece)
        to.receive(part.slice(at, at + Math.min(this.#piece, part.length)), this.nowMs);
    }
    return parts.length > 0;
  }
}
