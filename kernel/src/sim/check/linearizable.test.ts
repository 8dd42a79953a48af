import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { linearizabilityText } from "./linearizable-text.ts";
import {
  type CasRegisterInput,
  type CounterInput,
  type KeyValueInput,
  type Model,
  type Operation,
  type Scalar,
  casRegisterModel,
  counterModel,
  keyValueModel,
  linearizable,
  registerModel,
} from "./mod.ts";
import { hasOrder } from "./testing/permutations.ts";

type Call<Input, Output> = readonly [invokedAt: number, at: number | "pending", input: Input, output?: Output];

function history<Input, Output>(...calls: readonly Call<Input, Output>[]): readonly Operation<Input, Output>[] {
  return calls.map(([invokedAt, at, input, output], index) => ({
    process: `p${index + 1}`,
    input,
    invokedAt,
    completed: at === "pending" ? undefined : { at, output: output as Output },
  }));
}

const read = { op: "read" } as const;
const write = (value: Scalar) => ({ op: "write", value }) as const;
const cas = (expected: Scalar, value: Scalar) => ({ op: "cas", expected, value }) as const;
const add = (by: number) => ({ op: "add", by }) as const;
const get = (key: string) => ({ op: "get", key }) as const;
const put = (key: string, value: Scalar) => ({ op: "put", key, value }) as const;

function verdictOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  ...calls: readonly Call<Input, Output>[]
): string {
  return linearizable(history(...calls), model).verdict;
}

const register = registerModel(0);
const casRegister = casRegisterModel(0);

void test("an empty history is linearizable", () => {
  assert.deepEqual(linearizable([], register), { verdict: "linearizable", steps: 0 });
});

void test("a register: a read sees the last write, or one that was under way", () => {
  assert.equal(verdictOf(register, [0, 1, write(1), null], [2, 3, read, 1]), "linearizable");
  assert.equal(verdictOf(register, [0, 1, write(1), null], [2, 3, read, 0]), "violation");
  assert.equal(verdictOf(register, [0, 9, write(1), null], [2, 3, read, 0], [4, 5, read, 1]), "linearizable");
});

void test("a register: a new value is not followed by the old one", () => {
  assert.equal(verdictOf(register, [0, 9, write(1), null], [2, 3, read, 1], [4, 5, read, 0]), "violation");
});

void test("operations that touch in time are concurrent", () => {
  assert.equal(verdictOf(register, [0, 2, write(1), null], [2, 3, read, 0]), "linearizable");
  assert.equal(verdictOf(register, [5, 5, write(1), null], [5, 5, read, 0], [5, 5, read, 1]), "linearizable");
});

void test("a write without an answer takes effect late, at once, or never", () => {
  const lost: Call<CasRegisterInput, Scalar> = [0, "pending", write(1)];
  assert.equal(verdictOf(register, lost, [2, 3, read, 0], [4, 5, read, 1]), "linearizable");
  assert.equal(verdictOf(register, lost, [2, 3, read, 1]), "linearizable");
  assert.equal(verdictOf(register, lost, [2, 3, read, 0]), "linearizable");
  assert.equal(verdictOf(register, lost, [2, 3, read, 1], [4, 5, read, 0]), "violation");
});

void test("a write without an answer takes no effect before it was invoked, and not twice", () => {
  assert.equal(verdictOf(register, [4, "pending", write(1)], [0, 1, read, 1]), "violation");
  assert.equal(
    verdictOf(register, [0, "pending", write(1)], [1, 2, read, 1], [3, 4, write(2), null], [5, 6, read, 1]),
    "violation",
  );
});

void test("two writes without an answer, of the same value, may both take effect, and each only once", () => {
  const lost: Call<CasRegisterInput, Scalar> = [0, "pending", write(1)];
  const twice: readonly Call<CasRegisterInput, Scalar>[] = [
    [1, 2, read, 1],
    [3, 4, write(0), null],
    [5, 6, read, 0],
    [7, 8, read, 1],
  ];
  assert.equal(verdictOf(register, lost, lost, ...twice), "linearizable");
  assert.equal(verdictOf(register, lost, ...twice), "violation");
});

void test("compare and set: one of two that expect the same value succeeds", () => {
  assert.equal(verdictOf(casRegister, [0, 9, cas(0, 1), true], [0, 9, cas(0, 2), false]), "linearizable");
  assert.equal(verdictOf(casRegister, [0, 9, cas(0, 1), true], [0, 9, cas(0, 2), true]), "violation");
  assert.equal(verdictOf(casRegister, [0, 9, cas(0, 1), false]), "violation");
});

void test("compare and set: one without an answer may have set", () => {
  const lost: Call<CasRegisterInput, Scalar> = [0, "pending", cas(0, 1)];
  assert.equal(verdictOf(casRegister, lost, [1, 2, cas(1, 2), true], [3, 4, read, 2]), "linearizable");
  assert.equal(verdictOf(casRegister, lost, [1, 2, cas(1, 2), false], [3, 4, read, 1]), "linearizable");
  assert.equal(verdictOf(casRegister, lost, [1, 2, write(5), null], [3, 4, read, 1]), "violation");
});

void test("a write of the value that is there already may be needed later", () => {
  const twice = [write(2), write(2), cas(2, 0)].map((input): Call<CasRegisterInput, Scalar> => [0, 1, input, true]);
  assert.equal(verdictOf(casRegister, ...twice, [2, 3, read, 2]), "linearizable");
});

void test("a key-value store is checked key by key, and the key of a violation is named", () => {
  const good: readonly Call<KeyValueInput, Scalar>[] = [
    [0, 1, put("a", 1), null],
    [2, 3, put("b", 2), null],
    [4, 5, get("a"), 1],
    [4, 5, get("b"), 2],
    [6, 7, { op: "delete", key: "a" }, null],
    [8, 9, get("a"), null],
  ];
  assert.equal(verdictOf(keyValueModel(), ...good), "linearizable");
  const bad = linearizable(history(...good, [10, 11, get("b"), 1]), keyValueModel());
  assert.equal(bad.verdict === "violation" && bad.violation.key, "b");
});

void test("a counter: sums follow one another, with or without being told", () => {
  const counter = counterModel();
  assert.equal(verdictOf(counter, [0, 9, add(1), 2], [0, 9, add(1), 1], [10, 11, read, 2]), "linearizable");
  assert.equal(verdictOf(counter, [0, 9, add(1), 1], [0, 9, add(1), 1]), "violation");
  assert.equal(verdictOf(counter, [0, 1, add(3), null], [2, 3, add(-1), null], [4, 5, read, 2]), "linearizable");
  assert.equal(verdictOf(counter, [0, 1, add(3), null], [2, "pending", add(-1)], [4, 5, read, 1]), "violation");
});

void test("a violation shows the longest order that fits and what cannot follow", () => {
  const calls = history<CasRegisterInput, Scalar>(
    [0, 1, write(1), null],
    [2, 9, write(2), null],
    [3, 4, read, 2],
    [5, 6, read, 1],
    [20, 21, write(3), null],
  );
  const result = linearizable(calls, casRegister);
  assert.equal(
    linearizabilityText(result, casRegister),
    [
      "not linearizable. This order fits, and none gets further:",
      "  [0, 1] p1: write 1, then 1",
      "  [2, 9] p2: write 2, then 2",
      "  [3, 4] p3: read -> 2, then 2",
      "In the state 2 there is no place for what completed next:",
      "  [5, 6] p4: read -> 1",
    ].join("\n"),
  );
});

void test("a long order is shown by its end, and operations of a model without words as JSON", () => {
  const model: Model<number, number, number> = {
    initial: 0,
    apply: (state, input, output) => (output === state + input ? { ok: true, state: output } : { ok: false }),
    fingerprint: (state) => state,
  };
  const operations = Array.from({ length: 30 }, (_, index) => ({
    input: 1,
    invokedAt: index * 2,
    completed: { at: index * 2 + 1, output: index === 29 ? 7 : index + 1 },
  }));
  const lines = linearizabilityText(linearizable(operations, model), model).split("\n");
  assert.deepEqual(
    [lines[1], lines.at(-3), lines.at(-1)],
    ["  ... 9 operations", "  [56, 57] 1 -> 29, then 29", "  [58, 59] 1 -> 7"],
  );
});

void test("a search that runs out of steps says so, and a violation elsewhere is still found", () => {
  const writes = Array.from({ length: 12 }, (_, index): Call<KeyValueInput, Scalar> => [
    0,
    99,
    put("hard", index),
    null,
  ]);
  const hard = [...writes, [100, 101, get("hard"), "nothing"]] as const;
  const result = linearizable(history(...hard), keyValueModel(), { stepsMax: 2_000 });
  assert.deepEqual(result.verdict === "unknown" && result.keys, ["hard"]);
  assert.ok(result.steps < 2_100, `${result.steps} steps`);
  assert.match(linearizabilityText(result, keyValueModel()), /^unknown: gave up after 20\d\d steps for "hard"$/);
  const both = history<KeyValueInput, Scalar>(...hard, [0, 1, get("easy"), 1]);
  assert.equal(linearizable(both, keyValueModel(), { stepsMax: 2_000 }).verdict, "violation");
});

void test("an operation that completes before it was invoked is refused", () => {
  assert.throws(() => verdictOf(register, [2, 1, read, 0]), /invoked at 2 and completes at 1/);
  assert.throws(() => verdictOf(register, [Number.NaN, 1, read, 0]), RangeError);
});

// Histories by chance. Each operation has its moment, one after the other, and an interval around it.

const anyRegisterInput: fc.Arbitrary<CasRegisterInput> = fc.oneof(
  fc.constant(read),
  fc.integer({ min: 0, max: 2 }).map(write),
  fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })).map(([a, b]) => cas(a, b)),
);
const anyCounterInput: fc.Arbitrary<CounterInput> = fc.oneof(
  fc.constant(read),
  fc.integer({ min: -1, max: 2 }).map(add),
);
const anyKeyValueInput: fc.Arbitrary<KeyValueInput> = fc.oneof(
  fc.constantFrom("a", "b").map(get),
  fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 0, max: 2 })).map(([key, value]) => put(key, value)),
  fc.constantFrom("a", "b").map((key) => ({ op: "delete", key }) as const),
);

interface Moment<Input> {
  readonly input: Input;
  readonly early: number;
  readonly late: number;
  readonly outcome: "answered" | "unanswered" | "never";
}

function moments<Input>(input: fc.Arbitrary<Input>, maxLength: number): fc.Arbitrary<Moment<Input>[]> {
  const shift = fc.integer({ min: 0, max: 5 });
  const outcome = fc.constantFrom("answered", "answered", "answered", "unanswered", "never");
  return fc.array(fc.record({ input, early: shift, late: shift, outcome }), { maxLength });
}

/** What an object that is linearizable by making would have answered. */
function executed<State, Input, Output>(
  plan: readonly Moment<Input>[],
  initial: State,
  answer: (state: State, input: Input) => readonly [State, Output],
): Operation<Input, Output>[] {
  let state = initial;
  return plan.map(({ input, early, late, outcome }, index) => {
    const invokedAt = index * 2 - early;
    if (outcome === "never") return { input, invokedAt };
    const [next, output] = answer(state, input);
    state = next;
    return outcome === "answered"
      ? { input, invokedAt, completed: { at: index * 2 + late, output } }
      : { input, invokedAt };
  });
}

const answerOfRegister = (state: Scalar, input: CasRegisterInput): readonly [Scalar, Scalar] => {
  if (input.op === "read") return [state, state];
  if (input.op === "write") return [input.value, null];
  return state === input.expected ? [input.value, true] : [state, false];
};
const answerOfCounter = (state: number, input: CounterInput): readonly [number, number] => {
  const sum = input.op === "add" ? state + input.by : state;
  return [sum, sum];
};
const answerOfStore = (
  state: Readonly<Record<string, Scalar>>,
  input: KeyValueInput,
): readonly [Readonly<Record<string, Scalar>>, Scalar] => {
  if (input.op === "get") return [state, state[input.key] ?? null];
  return [{ ...state, [input.key]: input.op === "put" ? input.value : null }, null];
};

void test("what a linearizable object answered is accepted, in any order of recording", () => {
  const accepted = <State, Input, Output>(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
  ): void => {
    assert.equal(linearizable(operations, model).verdict, "linearizable");
    assert.equal(linearizable(operations.toReversed(), model).verdict, "linearizable");
  };
  fc.assert(
    fc.property(moments(anyRegisterInput, 40), (plan) => accepted(casRegister, executed(plan, 0, answerOfRegister))),
  );
  fc.assert(
    fc.property(moments(anyCounterInput, 40), (plan) => accepted(counterModel(), executed(plan, 0, answerOfCounter))),
  );
  fc.assert(
    fc.property(moments(anyKeyValueInput, 40), (plan) => accepted(keyValueModel(), executed(plan, {}, answerOfStore))),
  );
});

/** Small histories with answers by chance: most of them are wrong. */
function anyHistory<Input>(
  input: fc.Arbitrary<Input>,
  output: fc.Arbitrary<Scalar>,
): fc.Arbitrary<Operation<Input, Scalar>[]> {
  const operation = fc.record({
    input,
    invokedAt: fc.integer({ min: 0, max: 12 }),
    lastsFor: fc.option(fc.integer({ min: 0, max: 8 })),
    output,
  });
  return fc.array(
    operation.map(({ lastsFor, ...said }) => ({
      input: said.input,
      invokedAt: said.invokedAt,
      completed: lastsFor === null ? undefined : { at: said.invokedAt + lastsFor, output: said.output },
    })),
    { maxLength: 7 },
  );
}

const anyNumber = fc.integer({ min: 0, max: 2 });

/** The checker agrees with every order tried; its order is one, and gets as far as any can. */
function agrees<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): boolean {
  const result = linearizable(operations, model);
  assert.equal(result.verdict, hasOrder(operations, model) ? "linearizable" : "violation");
  if (result.verdict !== "violation") return true;
  const { order, state, stuck } = result.violation;
  let at: State = model.initial;
  for (const [index, { operation, state: said }] of order.entries()) {
    const applied = model.apply(at, operation.input, operation.completed?.output);
    assert.deepEqual(applied, { ok: true, state: said });
    at = said;
    for (const { operation: later } of order.slice(index))
      assert.ok(!(later.completed && later.completed.at < operation.invokedAt));
  }
  assert.deepEqual(at, state);
  const completesAt = stuck[0].completed?.at ?? assert.fail("waits for what has no completion");
  assert.equal(hasOrder(operations, model, completesAt), false);
  assert.equal(hasOrder(operations, model, completesAt - 1), true);
  for (const operation of stuck) assert.equal(model.apply(at, operation.input, operation.completed?.output).ok, false);
  return false;
}

void test("small histories are judged as by trying every order", () => {
  const judged = { good: 0, bad: 0 };
  const count = (good: boolean): void => {
    judged[good ? "good" : "bad"] += 1;
  };
  const flag = fc.oneof(anyNumber, fc.boolean());
  fc.assert(
    fc.property(anyHistory(anyRegisterInput, flag), (operations) => count(agrees(operations, casRegister))),
    { numRuns: 1_500 },
  );
  fc.assert(
    fc.property(anyHistory(anyCounterInput, anyNumber), (operations) =>
      count(agrees(operations as readonly Operation<CounterInput, number>[], counterModel())),
    ),
    { numRuns: 500 },
  );
  // Both kinds are met often: otherwise the test would say little.
  assert.ok(judged.good > 100 && judged.bad > 100, JSON.stringify(judged));
});

void test("answers that are nearly right are judged as by trying every order", () => {
  const judged = { good: 0, bad: 0 };
  const spoiled = fc.tuple(moments(anyRegisterInput, 7), fc.nat(6), fc.oneof(anyNumber, fc.boolean()));
  fc.assert(
    fc.property(spoiled, ([plan, at, output]) => {
      const operations = executed(plan, 0 as Scalar, answerOfRegister);
      const one = operations[at];
      if (one?.completed !== undefined) operations[at] = { ...one, completed: { at: one.completed.at, output } };
      judged[agrees(operations, casRegister) ? "good" : "bad"] += 1;
    }),
    { numRuns: 1_500 },
  );
  assert.ok(judged.good > 100 && judged.bad > 100, JSON.stringify(judged));
});
