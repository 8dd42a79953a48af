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
  /** What it is about: the key of a call, of an event or of a transaction. */
  readonly about?: string;
  /** How a question was answered: a fault's code, an HTTP status; nothing for a call that succeeded. */
  readonly outcome?: string;
  /** Which question a message belongs to: its sending, arrivals, answer and losses have one number. */
  readonly exchange?: number;
  /** What was sent, published or answered. Kept only where it was asked for. */
  readonly body?: string;
}

/** What more there is to say of an event. */
export type EventDetails = Pick<SimEvent, "about" | "outcome" | "exchange" | "body">;

/** The most events that are kept to be told; the digest is of all of them. */
const KEPT_MAX = 400_000;

/** Records what happens. */
export class History {
  readonly events: SimEvent[] = [];
  readonly #digest = new Digest();
  readonly #now: () => number;
  readonly #keepsBodies: boolean;
  #length = 0;
  #commits = 0;
  #exchanges = 0;

  /** With `keepsBodies`, what was sent is kept with the events. Digests are the same. */
  constructor(now: () => number, keepsBodies = false) {
    this.#now = now;
    this.#keepsBodies = keepsBodies;
  }

  /** How many events were recorded. */
  get length(): number {
    return this.#length;
  }

  /** How many transactions were committed. */
  get commits(): number {
    return this.#commits;
  }

  /** A number for a question that is asked. */
  nextExchange(): number {
    this.#exchanges += 1;
    return this.#exchanges;
  }

  // oxlint-disable-next-line max-params -- on the hot path: an object for each event would cost more than it says
  record(kind: EventKind, who: string, what: string, whom?: string, details?: EventDetails): void {
    const at = this.#now();
    this.#length += 1;
    if (kind === "commit") this.#commits += 1;
    const about = details?.about;
    this.#digest.add(
      `${at.toFixed(3)} ${kind} ${who} ${whom ?? ""} ${what} ${about ?? ""} ${details?.outcome ?? ""}\n`,
    );
    if (this.events.length >= KEPT_MAX) return;
    const event = whom === undefined ? { at, kind, who, what } : { at, kind, who, whom, what };
    this.events.push(details === undefined ? event : { ...event, ...this.#kept(details) });
  }

  #kept({ body, ...details }: EventDetails): EventDetails {
    return this.#keepsBodies && body !== undefined ? { ...details, body } : details;
  }

  /** The digest of everything up to here: equal for equal histories. */
  digest(): string {
    return this.#digest.value();
  }
}
