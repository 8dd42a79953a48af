/** A violation of linearizability as text that a person can follow. */
import type { Linearizability, Violation } from "./linearizable.ts";
import type { Model, Operation } from "./operation.ts";

/** How many operations before the end of the order are printed; what came long before explains little. */
const LAST_MAX = 20;

/** The verdict in lines: for a violation, the end of the longest order that fits and what cannot follow it. */
export function linearizabilityText<State, Input, Output>(
  result: Linearizability<State, Input, Output>,
  model: Model<State, Input, Output>,
): string {
  switch (result.verdict) {
    case "linearizable":
      return "linearizable";
    case "unknown":
      return `unknown: gave up after ${result.steps} steps${result.keys.map((key) => about(key)).join(",")}`;
    case "violation":
      return violationText(result.violation, model);
  }
}

function violationText<State, Input, Output>(
  { key, order, state, stuck }: Violation<State, Input, Output>,
  model: Model<State, Input, Output>,
): string {
  const left = Math.max(0, order.length - LAST_MAX);
  const [must, ...others] = stuck;
  const lines = [
    `not linearizable${about(key)}. This order fits, and none gets further:`,
    ...(left > 0 ? [`  ... ${left} operations`] : []),
    ...order
      .slice(left)
      .map((step) => `  ${line(step.operation, model)}, then ${print(model.fingerprint(step.state))}`),
    `In the state ${print(model.fingerprint(state))} there is no place for what completed next:`,
    `  ${line(must, model)}`,
  ];
  if (others.length > 0) lines.push("nor, before it, for what else was open:");
  return [...lines, ...others.map((operation) => `  ${line(operation, model)}`)].join("\n");
}

function line<State, Input, Output>(
  { process, input, invokedAt, completed }: Operation<Input, Output>,
  model: Model<State, Input, Output>,
): string {
  const time = `[${invokedAt}, ${completed?.at ?? "..."}]`;
  const words = model.describe?.(input, completed?.output) ?? `${print(input)} -> ${print(completed?.output)}`;
  return `${time} ${process === undefined ? "" : `${process}: `}${words}`;
}

function about(key: string | number | undefined): string {
  return key === undefined ? "" : ` for ${print(key)}`;
}

function print(value: unknown): string {
  return JSON.stringify(value) ?? "(no answer)";
}
