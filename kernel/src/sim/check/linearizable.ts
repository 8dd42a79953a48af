/**
 * Whether a history is linearizable: whether each operation can have taken effect at one moment between its invocation
 * and its completion (Herlihy and Wing, 1990). The question is NP-complete, so the work has a bound; split by key, and
 * with a memory of what was tried, the histories of real tests take milliseconds.
 */
import type { Model, Operation } from "./operation.ts";
import { type SearchResult, search } from "./search.ts";

/** How often the model is asked at most, unless said: a few seconds, and some hundred megabytes at the most. */
export const STEPS_MAX = 20_000_000;

/** The bounds of a check. */
export interface LinearizableOptions {
  /** How often the model is asked at most, over all keys. */
  readonly stepsMax?: number;
}

/** What came of a check. `steps` says how often the model was asked. */
export type Linearizability<State, Input, Output> =
  | { readonly verdict: "linearizable"; readonly steps: number }
  | { readonly verdict: "violation"; readonly steps: number; readonly violation: Violation<State, Input, Output> }
  /** The steps ran out. The keys that were not settled; all others are linearizable. */
  | { readonly verdict: "unknown"; readonly steps: number; readonly keys: readonly (string | number | undefined)[] };

/** Why a history is not linearizable: no order gets further than this one. */
export interface Violation<State, Input, Output> {
  /** The object, if the model has keys. */
  readonly key: string | number | undefined;
  /** The longest order that fits, with the state after each operation. */
  readonly order: readonly { readonly operation: Operation<Input, Output>; readonly state: State }[];
  /** The state at its end. */
  readonly state: State;
  /**
   * What cannot follow. The first completed before any operation that is not listed was invoked, so it must follow: the
   * history up to its completion is not linearizable.
   */
  readonly stuck: readonly [Operation<Input, Output>, ...Operation<Input, Output>[]];
}

/**
 * Looks for an order of the operations that the model allows and that their times allow: one that completed before
 * another was invoked comes first.
 * @throws {RangeError} when an operation completes before it is invoked, or a time is not a number.
 */
export function linearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  options: LinearizableOptions = {},
): Linearizability<State, Input, Output> {
  const stepsMax = options.stepsMax ?? STEPS_MAX;
  let steps = 0;
  const open: (string | number | undefined)[] = [];
  for (const { key, operations } of partsOf(history, model)) {
    const result = search(operations, model, stepsMax - steps);
    steps += result.steps;
    if (result.found === "unknown") open.push(key);
    if (result.found !== "none") continue;
    return { verdict: "violation", steps, violation: violationOf(key, operations, { model, result }) };
  }
  return open.length === 0 ? { verdict: "linearizable", steps } : { verdict: "unknown", steps, keys: open };
}

interface Part<Input, Output> {
  readonly key: string | number | undefined;
  readonly operations: Operation<Input, Output>[];
}

/** The histories of the objects, short ones first: what is easy is settled when the steps run out. */
function partsOf<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): readonly Part<Input, Output>[] {
  const parts = new Map<string | number | undefined, Part<Input, Output>>();
  for (const operation of history) {
    const { input, invokedAt, completed } = operation;
    if (!(invokedAt <= (completed?.at ?? Infinity)))
      throw new RangeError(`An operation is invoked at ${invokedAt} and completes at ${completed?.at}.`);
    const key = model.keyOf?.(input);
    const part = parts.get(key);
    if (part === undefined) parts.set(key, { key, operations: [operation] });
    else part.operations.push(operation);
  }
  return [...parts.values()].sort((a, b) => a.operations.length - b.operations.length);
}

function violationOf<State, Input, Output>(
  key: string | number | undefined,
  operations: readonly Operation<Input, Output>[],
  { model, result }: { model: Model<State, Input, Output>; result: SearchResult<State> },
): Violation<State, Input, Output> {
  const { furthest } = result;
  let state = model.initial;
  const order = furthest.order.map((index) => {
    const operation = operations[index] as Operation<Input, Output>;
    const applied = model.apply(state, operation.input, operation.completed?.output);
    if (applied.ok) state = applied.state;
    return { operation, state };
  });
  const [first, ...others] = furthest.stuck.map((index) => operations[index] as Operation<Input, Output>);
  return { key, order, state, stuck: [first as Operation<Input, Output>, ...others] };
}
