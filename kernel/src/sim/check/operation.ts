/** What linearizability is checked of: the operations that clients saw, and a model of the object they talked to. */

/** What can stand for a value in a model: compared by `===`, so equal values need no further definition. */
export type Scalar = string | number | boolean | null;

/**
 * One operation as its client saw it. Times come from any clock that all clients share; a counter that each event
 * increments is best, because operations that touch at the same time count as concurrent.
 *
 * An operation that is known to have had no effect, a refused one say, is left out of the history.
 */
export interface Operation<Input, Output> {
  /** Who called; only printed. */
  readonly process?: string | number;
  /** A JSON value: inputs with equal JSON are the same. */
  readonly input: Input;
  readonly invokedAt: number;
  /** Absent while the outcome is unknown: it may take effect at any time after the invocation, or never. */
  readonly completed?: Completion<Output> | undefined;
}

/** The answer of an operation, and when it came. `output` is never undefined: that stands for an unknown answer. */
export interface Completion<Output> {
  readonly at: number;
  readonly output: Output;
}

/** Whether an operation could take effect in a state with that output, and the state after it. */
export type Applied<State> = { readonly ok: true; readonly state: State } | { readonly ok: false };

/**
 * What an object does when operations come one after the other. Models are pure: `apply` changes no state that it is
 * given, and answers the same for the same arguments.
 */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** `output` is undefined for an operation whose outcome is unknown: then every answer is right. */
  apply(state: State, input: Input, output: Output | undefined): Applied<State>;
  /** An identity of a state: the same for equal states, and different for all others. Not a hash that may collide. */
  fingerprint(state: State): Scalar;
  /** The object that an operation is about. Objects are checked one by one, which costs far less than all together. */
  keyOf?(input: Input): string | number;
  /** Whether an operation leaves every state that it fits as it is. Optional; saying so makes the check much faster. */
  isRead?(input: Input, output: Output): boolean;
  /** An operation in a few words. JSON unless given. */
  describe?(input: Input, output: Output | undefined): string;
}
