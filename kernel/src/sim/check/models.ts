/** Models of the objects that distributed systems are asked to be: register, key-value store, counter. */
import type { Applied, Model, Scalar } from "./operation.ts";

/** What one does with a register. */
export type RegisterInput = { readonly op: "read" } | { readonly op: "write"; readonly value: Scalar };

/** What one does with a register that compares before it sets. */
export type CasRegisterInput =
  | RegisterInput
  | { readonly op: "cas"; readonly expected: Scalar; readonly value: Scalar };

/** What one does with a key-value store. */
export type KeyValueInput =
  | { readonly op: "get" | "delete"; readonly key: string }
  | { readonly op: "put"; readonly key: string; readonly value: Scalar };

/** What one does with a counter; `by` may be negative. */
export type CounterInput = { readonly op: "read" } | { readonly op: "add"; readonly by: number };

const REFUSED = { ok: false } as const;

/** One value. A read answers with the value; what a write answers does not matter. */
export function registerModel(initial: Scalar = null): Model<Scalar, RegisterInput, Scalar> {
  return {
    initial,
    apply: (state, input, output) =>
      input.op === "write" ? { ok: true, state: input.value } : unchanged(state, state, output),
    fingerprint: identity,
    isRead: ({ op }) => op === "read",
    describe: describeRegister,
  };
}

/** One value, and `cas`, which answers true when it found `expected` and put `value`, and false when it did neither. */
export function casRegisterModel(initial: Scalar = null): Model<Scalar, CasRegisterInput, Scalar> {
  return {
    initial,
    apply: (state, input, output) => {
      if (input.op === "read") return unchanged(state, state, output);
      if (input.op === "write") return { ok: true, state: input.value };
      const found = state === input.expected;
      if (output !== undefined && output !== found) return REFUSED;
      return { ok: true, state: found ? input.value : state };
    },
    fingerprint: identity,
    isRead: ({ op }, output) => op === "read" || (op === "cas" && output === false),
    describe: describeRegister,
  };
}

/**
 * Values by key, each key checked alone. `get` answers null where there is none; what the others answer does not
 * matter. Null cannot be told from an absent value.
 */
export function keyValueModel(): Model<Scalar, KeyValueInput, Scalar> {
  return {
    initial: null,
    apply: (state, input, output) => {
      if (input.op === "get") return unchanged(state, state, output);
      return { ok: true, state: input.op === "put" ? input.value : null };
    },
    fingerprint: identity,
    keyOf: (input) => input.key,
    isRead: ({ op }) => op === "get",
    describe: (input, output) => {
      if (input.op === "put") return `put ${input.key} = ${text(input.value)}${unanswered(output)}`;
      return `${input.op} ${input.key}${input.op === "get" ? answer(output) : unanswered(output)}`;
    },
  };
}

/** A sum. `read` and `add` answer the sum after them; an `add` that answers null has only said that it is done. */
export function counterModel(initial = 0): Model<number, CounterInput, number | null> {
  return {
    initial,
    apply: (state, input, output) => {
      if (input.op === "read") return unchanged(state, state, output);
      const sum = state + input.by;
      return output === undefined || output === null || output === sum ? { ok: true, state: sum } : REFUSED;
    },
    fingerprint: identity,
    isRead: ({ op }) => op === "read",
    describe: (input, output) => `${input.op === "read" ? "read" : `add ${input.by}`}${answer(output)}`,
  };
}

function unchanged<State>(state: State, expected: Scalar, output: Scalar | undefined): Applied<State> {
  return output === undefined || output === expected ? { ok: true, state } : REFUSED;
}

function identity<State extends Scalar>(state: State): Scalar {
  return state;
}

function describeRegister(input: CasRegisterInput, output: Scalar | undefined): string {
  switch (input.op) {
    case "read":
      return `read${answer(output)}`;
    case "write":
      return `write ${text(input.value)}${unanswered(output)}`;
    case "cas":
      return `cas ${text(input.expected)} to ${text(input.value)}${answer(output)}`;
  }
}

function answer(output: Scalar | undefined): string {
  return output === undefined ? unanswered(output) : ` -> ${text(output)}`;
}

function unanswered(output: Scalar | undefined): string {
  return output === undefined ? " (no answer)" : "";
}

function text(value: Scalar): string {
  return JSON.stringify(value);
}
