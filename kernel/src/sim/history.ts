/** What happened in a run, in order: for comparing runs, for telling them, and for knowing what was reached. */
import { Digest } from "./real/digest.ts";

/** The kinds of things that happen. */
export type EventKind =
  | "send"
  | "arrive"
  | "reply"
  | "lost"
  | "commit"
  | "rollback"
  | "crash"
  | "start"
  | "publish"
  | "fault"
  | "note"
  | "log"
  | "violation";

/** Something that happened. */
export interface SimEvent {
  /** Virtual milliseconds since the beginning. */
  readonly at: number;
  readonly kind: EventKind;
  /** Where. */
  readonly who: string;
  /** With whom, of messages. */
  readonly whom?: string;
  readonly what: string;
}

/** The most events that are kept to be told; the digest is of all of them. */
const KEPT_MAX = 400_000;

/** Records what happens. */
export class History {
  readonly events: SimEvent[] = [];
  readonly #digest = new Digest();
  readonly #now: () => number;
  #length = 0;
  #commits = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many events were recorded. */
  get length(): number {
    return this.#length;
  }

  /** How many transactions were committed. */
  get commits(): number {
    return this.#commits;
  }

  record(kind: EventKind, who: string, what: string, whom?: string): void {
    const at = this.#now();
    this.#length += 1;
    if (kind === "commit") this.#commits += 1;
    this.#digest.add(`${at.toFixed(3)} ${kind} ${who} ${whom ?? ""} ${what}\n`);
    if (this.events.length >= KEPT_MAX) return;
    this.events.push(whom === undefined ? { at, kind, who, what } : { at, kind, who, whom, what });
  }

  /** The digest of everything up to here: equal for equal histories. */
  digest(): string {
    return this.#digest.value();
  }
}
