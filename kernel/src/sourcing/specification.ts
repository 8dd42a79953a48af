/** Given, when, then: deciders tested as stories, without a database. */
import { type Fault, type FaultType, canonicalJson, isFault } from "../std/mod.ts";
import type { Aggregate, EventTypes, FactOf } from "./aggregate.ts";

/** What is to be expected of a command. Each throws an `Error` that shows both sides when it is otherwise. */
export interface Then<State, Fact> {
  /** Just these facts, in this order. */
  thenFacts(facts: readonly Fact[]): void;
  /** No facts, and no fault: there was nothing to do. */
  thenNothing(): void;
  /** The state after its facts. */
  thenState(state: State): void;
  /** That it is refused, with this fault, and this data if it is given. */
  thenFault<Data>(fault: FaultType<Data>, data?: Data): void;
}

/** What comes after `given`. */
export interface When<State, Command, Fact> {
  when(command: Command): Then<State, Fact>;
}

/** A specification of an aggregate. */
export interface Specification<State, Command, Fact> {
  /** What happened before, from the beginning. */
  readonly given: (facts: readonly Fact[]) => When<State, Command, Fact>;
}

/** `specify(order).given([placed]).when({ type: "cancel" }).thenFacts([cancelled])`. */
export function specify<State, Command, E extends EventTypes>(
  aggregate: Aggregate<State, Command, E>,
): Specification<State, Command, FactOf<E>> {
  const evolve = (state: State, facts: readonly FactOf<E>[]): State =>
    facts.reduce((soFar, fact) => aggregate.evolve(soFar, fact), state);
  return {
    given: (past) => ({
      when: (command) => {
        const before = evolve(aggregate.initial, past);
        const outcome = decided(() => aggregate.decide(before, command));
        return {
          thenFacts: (facts) => same("facts", factsOf(outcome), facts),
          thenNothing: () => same("facts", factsOf(outcome), []),
          thenState: (state) => same("state", evolve(before, factsOf(outcome)), state),
          thenFault: (fault, data) => {
            if (!("fault" in outcome))
              throw new Error(`Expected the fault ${fault.code}, but it decided on ${show(outcome.facts)}.`);
            same("fault", outcome.fault.code, fault.code);
            if (data !== undefined) same("data of the fault", outcome.fault.data, data);
          },
        };
      },
    }),
  };
}

type Outcome<Fact> = { readonly facts: readonly Fact[] } | { readonly fault: Fault };

function decided<Fact>(decide: () => readonly Fact[]): Outcome<Fact> {
  try {
    return { facts: decide() };
  } catch (error) {
    if (isFault(error)) return { fault: error };
    throw error;
  }
}

function factsOf<Fact>(outcome: Outcome<Fact>): readonly Fact[] {
  if ("fault" in outcome)
    throw new Error(`Expected facts, but it was refused: ${outcome.fault.code}.`, {
      cause: outcome.fault,
    });
  return outcome.facts;
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (canonicalJson(actual) === canonicalJson(expected)) return;
  throw new Error(`The ${what} differ.\n  expected: ${show(expected)}\n  actual:   ${show(actual)}`);
}

function show(value: unknown): string {
  return JSON.stringify(value, undefined, 2) ?? "undefined";
}
