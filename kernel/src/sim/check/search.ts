/**
 * The search for an order of operations that their model allows: Wing and Gong (1993), with Lowe's memory of what was
 * tried (2017). Depth first: from each configuration, the operations taken and the state they lead to, it tries every
 * operation that may come next; a configuration that was met before is not tried again.
 */
import { canonicalJson } from "../../std/mod.ts";
import type { Model, Operation, Scalar } from "./operation.ts";
import { RowSet } from "./row-set.ts";
import { Timeline } from "./timeline.ts";

/** What came of a search. `unknown`: it was cut short. */
export interface SearchResult<State> {
  readonly found: "order" | "none" | "unknown";
  /** How often the model was asked. */
  readonly steps: number;
  /** How far it came at most: these operations in this order, then none of `stuck`. */
  readonly furthest: Furthest<State>;
}

/** The longest order found; the history up to the completion of the first of `stuck` has none. */
export interface Furthest<State> {
  readonly order: readonly number[];
  readonly state: State;
  readonly stuck: readonly number[];
}

/** An operation that has its place, after those of `before`. Frames are shared by all that remember them. */
interface Frame {
  readonly before: Frame | undefined;
  /** How many there are up to this one. */
  readonly depth: number;
  readonly operation: number;
  /** The state before it. */
  readonly from: number;
  /** It is a read, so if nothing comes of taking it first, nothing comes of anything else. */
  readonly isOnly: boolean;
}

/** Searches the history of one object; `stepsMax` bounds the time, and with it the memory. */
export function search<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  stepsMax: number,
): SearchResult<State> {
  return new Search(operations, model, stepsMax).run();
}

class Search<State, Input, Output> {
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #model: Model<State, Input, Output>;
  readonly #stepsMax: number;
  readonly #timeline: Timeline;
  readonly #isRead: Uint8Array;
  /** The last operation before one without an answer that asked the same and got no answer either, or -1. */
  readonly #twin: Int32Array;
  readonly #tried: RowSet;
  readonly #states: State[] = [];
  readonly #numbers = new Map<Scalar, number>();
  #top: Frame | undefined;
  #state: number;
  #steps = 0;
  #furthest: {
    readonly due: number;
    readonly top: Frame | undefined;
    readonly state: number;
    readonly stuck: readonly number[];
  };

  constructor(operations: readonly Operation<Input, Output>[], model: Model<State, Input, Output>, stepsMax: number) {
    this.#operations = operations;
    this.#model = model;
    this.#stepsMax = stepsMax;
    this.#timeline = new Timeline(operations);
    this.#isRead = Uint8Array.from(operations, ({ input, completed }) =>
      completed !== undefined && model.isRead?.(input, completed.output) === true ? 1 : 0,
    );
    this.#twin = twinsOf(operations);
    this.#tried = new RowSet(this.#timeline.row.length);
    this.#state = this.#numberOf(model.initial);
    this.#furthest = { due: -1, top: undefined, state: this.#state, stuck: [] };
  }

  run(): SearchResult<State> {
    let after: number | undefined;
    while (!this.#timeline.isDone) {
      if (this.#steps >= this.#stepsMax) return this.#result("unknown");
      const reader = after === undefined ? this.#reader() : undefined;
      if (reader === undefined ? this.#takeNext(after) : this.#take(reader, this.#state, true)) {
        after = undefined;
        continue;
      }
      this.#remember();
      after = this.#back();
      if (after === undefined) return this.#result("none");
    }
    this.#remember();
    return this.#result("order");
  }

  /**
   * A read that fits. Whatever order there is with it later, there is one with it now. So it is no choice, which spares
   * the search most of its branches. (A write of the value that is there may be needed later: it is a choice.)
   */
  #reader(): number | undefined {
    for (let operation = this.#timeline.next(); operation !== undefined; operation = this.#timeline.next(operation))
      if (this.#isRead[operation] === 1 && this.#after(operation) === this.#state) return operation;
    return undefined;
  }

  /** Takes the first operation after the given one that fits and leads to something new. */
  #takeNext(after: number | undefined): boolean {
    for (
      let operation = this.#timeline.next(after);
      operation !== undefined;
      operation = this.#timeline.next(operation)
    ) {
      // Of those that ask the same and got no answer it does not matter which comes first.
      const twin = this.#twin[operation] ?? -1;
      if (twin !== -1 && !this.#timeline.isTaken(twin)) continue;
      const state = this.#after(operation);
      if (state === undefined) continue;
      // Without an answer and without an effect: nothing is won by taking it, and nothing waits for it.
      if (state === this.#state && this.#operations[operation]?.completed === undefined) continue;
      if (this.#take(operation, state, false)) return true;
    }
    return false;
  }

  #take(operation: number, state: number, isOnly: boolean): boolean {
    const { row } = this.#timeline;
    this.#timeline.take(operation);
    row[row.length - 1] = state;
    if (!this.#tried.add(row)) {
      this.#timeline.putBack(operation);
      return false;
    }
    this.#top = { before: this.#top, depth: (this.#top?.depth ?? 0) + 1, operation, from: this.#state, isOnly };
    this.#state = state;
    return true;
  }

  /** Goes back to the last choice, and answers what was chosen there. */
  #back(): number | undefined {
    for (;;) {
      const frame = this.#top;
      if (frame === undefined) return undefined;
      this.#top = frame.before;
      this.#timeline.putBack(frame.operation);
      this.#state = frame.from;
      if (!frame.isOnly) return frame.operation;
    }
  }

  /** The state after an operation, or undefined if it does not fit here. */
  #after(operation: number): number | undefined {
    const { input, completed } = this.#operations[operation] as Operation<Input, Output>;
    this.#steps += 1;
    const applied = this.#model.apply(this.#states[this.#state] as State, input, completed?.output);
    return applied.ok ? this.#numberOf(applied.state) : undefined;
  }

  #numberOf(state: State): number {
    const print = this.#model.fingerprint(state);
    const known = this.#numbers.get(print);
    if (known !== undefined) return known;
    this.#numbers.set(print, this.#states.length);
    return this.#states.push(state) - 1;
  }

  /** Keeps where the search stands, if it never came so far in time or, at that time, took so many operations. */
  #remember(): void {
    const { due, dueOperation } = this.#timeline;
    const { due: dueBefore, top } = this.#furthest;
    if (due < dueBefore || (due === dueBefore && (this.#top?.depth ?? 0) <= (top?.depth ?? 0))) return;
    const stuck = dueOperation === undefined ? [] : [dueOperation];
    for (let operation = this.#timeline.next(); operation !== undefined; operation = this.#timeline.next(operation))
      if (operation !== dueOperation && this.#after(operation) === undefined) stuck.push(operation);
    this.#furthest = { due, top: this.#top, state: this.#state, stuck };
  }

  #result(found: SearchResult<State>["found"]): SearchResult<State> {
    const { top, state, stuck } = this.#furthest;
    const order: number[] = [];
    for (let frame = top; frame !== undefined; frame = frame.before) order.push(frame.operation);
    return {
      found,
      steps: this.#steps,
      furthest: { order: order.reverse(), state: this.#states[state] as State, stuck },
    };
  }
}

function twinsOf(operations: readonly Operation<unknown, unknown>[]): Int32Array {
  const twins = new Int32Array(operations.length).fill(-1);
  const last = new Map<string, number>();
  const unanswered = [...operations.entries()].filter(([, { completed }]) => completed === undefined);
  for (const [operation, { input }] of unanswered.sort(([, a], [, b]) => a.invokedAt - b.invokedAt)) {
    const asked = canonicalJson(input);
    twins[operation] = last.get(asked) ?? -1;
    last.set(asked, operation);
  }
  return twins;
}
