/** A call that this side makes: what is asked, what may be done with it while it is under way, and how it ended. */
import type { FaultData } from "../std/mod.ts";
import type { NotStartedReason } from "./faults.ts";
import type { CallMessage } from "./messages.ts";
import type { ChunkReceiver, ChunkSender } from "./streams.ts";

/** How a call ended, as far as this side knows. */
export type CallOutcome =
  | { readonly kind: "reply"; readonly output: unknown; readonly replayed: boolean }
  | { readonly kind: "fault"; readonly fault: FaultData; readonly retried: boolean }
  /** It was certainly not started. */
  | { readonly kind: "refused"; readonly reason: NotStartedReason; readonly detail: string }
  /** Its input cannot be sent. */
  | { readonly kind: "unsendable"; readonly error: Error }
  /** No answer came before its deadline. */
  | { readonly kind: "expired" }
  /** This side gave up. */
  | { readonly kind: "cancelled" }
  /** The connection ended first: whether it took effect is unknown. */
  | { readonly kind: "lost"; readonly detail: string };

/** A call to be made. */
export interface OutgoingCall extends Omit<CallMessage, "remainingMs"> {
  /** On the monotonic clock, in milliseconds. */
  readonly deadlineAt: number;
}

/** A call under way. */
export interface CallHandle {
  /** Gives up: the callee is told, and the call ends as `cancelled`. */
  cancel(): void;
  /** Sends a chunk; resolves with whether it was sent. @throws {Unsendable} */
  write(value: unknown): Promise<boolean>;
  /** No more chunks are sent; `isWhole` says whether they were all there are. */
  end(isWhole: boolean): void;
  /** The chunks that come, once the call was sent; undefined when it takes none, or was never sent. */
  readonly opened: Promise<AsyncIterable<unknown> | undefined>;
}

/** What a call asks of the side that makes it. */
export interface PendingOwner {
  /** Ends a call from this side. */
  giveUp(pending: Pending, outcome: CallOutcome): void;
  /** Encodes and sends a chunk. @throws {Unsendable} */
  writeChunk(sender: ChunkSender, value: unknown): Promise<boolean>;
  /** Ends what this side sends of a stream. */
  endChunks(pending: Pending, isWhole: boolean): void;
}

/** A call of the calling side, from when it was made to its end. */
export class Pending implements CallHandle {
  readonly call: OutgoingCall;
  readonly owner: PendingOwner;
  /** Told how it ended; undefined from then on. */
  onEnd: ((outcome: CallOutcome) => void) | undefined;
  /** 0 until it was sent. */
  id = 0;
  chunks: ChunkReceiver | undefined;
  sender: ChunkSender | undefined;
  /** What is waiting to be written until the call itself was sent. */
  onSent: (() => void)[] | undefined;

  constructor(owner: PendingOwner, call: OutgoingCall, onEnd: (outcome: CallOutcome) => void) {
    this.owner = owner;
    this.call = call;
    this.onEnd = onEnd;
  }

  get opened(): Promise<AsyncIterable<unknown> | undefined> {
    if (this.id !== 0 || this.onEnd === undefined) return Promise.resolve(this.chunks);
    return new Promise((resolve) => (this.onSent ??= []).push(() => resolve(this.chunks)));
  }

  cancel(): void {
    this.owner.giveUp(this, { kind: "cancelled" });
  }

  async write(value: unknown): Promise<boolean> {
    if (this.onEnd === undefined) return false;
    if (this.sender === undefined) await new Promise<void>((resolve) => (this.onSent ??= []).push(resolve));
    return this.sender === undefined ? false : this.owner.writeChunk(this.sender, value);
  }

  end(isWhole: boolean): void {
    if (this.sender === undefined) (this.onSent ??= []).push(() => this.owner.endChunks(this, isWhole));
    else this.owner.endChunks(this, isWhole);
  }
}
