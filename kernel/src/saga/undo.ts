/** What a saga would have to do to take its steps back. */
import type { Call } from "../contract/mod.ts";
import type { EventWriter } from "../events/mod.ts";
import { type EntryStatus, decode } from "./records.ts";

/** How one step is taken back. */
export type Taker =
  | { readonly kind: "call"; readonly undo: (result: never) => Call }
  | { readonly kind: "local"; readonly undo: (tx: EventWriter<never>, result: never) => Promise<void> };

/** A step that can be taken back, and what is known of it. */
export class Undo {
  readonly name: string;
  readonly taker: Taker;
  #status: EntryStatus | undefined;
  #result: string | null = null;

  constructor(name: string, taker: Taker) {
    this.name = name;
    this.taker = taker;
  }

  /** Whether the step happened, or may have. */
  get isDue(): boolean {
    return this.#status === "done" || this.#status === "unknown";
  }

  /** The step's outcome, as its journal entry holds it. */
  settle(status: EntryStatus, value: string | null): void {
    this.#status = status;
    this.#result = value;
  }

  /** The recorded result, as a replay would see it; undefined when nobody knows whether there is one. */
  result(): never {
    return (this.#status === "done" ? decode(this.#result) : undefined) as never;
  }
}
