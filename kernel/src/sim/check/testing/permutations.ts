/** Linearizability decided by trying every order, without memory or cleverness: what the checker is held to. */
import type { Model, Operation } from "../operation.ts";

/**
 * Whether the operations can be put in an order that holds all that completed by `until`, none before one that completed
 * before it was invoked, and that the model allows. All others may be left out.
 */
export function hasOrder<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  until = Infinity,
): boolean {
  const extend = (state: State, left: readonly Operation<Input, Output>[]): boolean => {
    if (left.every(({ completed }) => completed === undefined || completed.at > until)) return true;
    return left.some((operation) => {
      const others = left.filter((other) => other !== operation);
      if (others.some(({ completed }) => completed !== undefined && completed.at < operation.invokedAt)) return false;
      const applied = model.apply(state, operation.input, operation.completed?.output);
      return applied.ok && extend(applied.state, others);
    });
  };
  return extend(model.initial, operations);
}
