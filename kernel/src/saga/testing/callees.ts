/** The services that sagas of tests call: idempotent by key, as commands are, and able to fail in all ways. */
import type { Call } from "../../contract/mod.ts";
import { type Fault, defineFault } from "../../std/mod.ts";
import type { SagaCallOptions } from "../mod.ts";

/** Refused for good. */
export const Refused = defineFault<{ op: string }>({
  code: "svc/refused",
  kind: "conflict",
  message: ({ op }) => `${op} is refused.`,
});

/** Nobody knows whether it happened. */
export const NoAnswer = defineFault<{ op: string }>({
  code: "svc/no-answer",
  kind: "unavailable",
  message: ({ op }) => `${op} gave no answer.`,
});

/** How the next attempt at an operation comes out; `lost` has its effect, but the answer does not arrive. */
export type Behaviour = "ok" | "refused" | "lost" | "down" | "bug";

interface Effect {
  readonly input: string;
  readonly output: unknown;
}

/** What the services remember. */
export class Callees {
  /** Effects by key: each happened once. */
  readonly effects = new Map<string, Effect>();
  /** How often each key was called, whatever came of it. */
  readonly attempts = new Map<string, number>();
  /** Keys in the order of their effects. */
  readonly order: string[] = [];
  /** The origin and attempt of each call. */
  readonly seen: SagaCallOptions[] = [];
  /** Says how an attempt comes out, `count` counting from 1 for each key. */
  behave: (op: string, count: number, key: string) => Behaviour = () => "ok";
  /** Calls that used a key again with another input: there must be none. */
  readonly reused: string[] = [];
  #count = 0;

  async answer(call: Call, options: SagaCallOptions): Promise<unknown> {
    const { op } = call.input as { op: string };
    const { key } = options;
    this.seen.push(options);
    this.#count += 1;
    const count = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, count);
    if (call.operation === "asks") return { price: this.#count };
    const input = JSON.stringify(call.input);
    const known = this.effects.get(key);
    if (known !== undefined && known.input !== input) this.reused.push(key);
    const behaviour = this.behave(op, count, key);
    if (behaviour === "down") throw NoAnswer.with({ op });
    if (known === undefined) this.#effect(key, input, behaviour, op);
    if (behaviour === "lost") throw NoAnswer.with({ op });
    return this.effects.get(key)?.output;
  }

  /** Keys of steps whose effect stands: not undone, and not refused because the undo came first. */
  standing(): string[] {
    return this.order.filter((key) => !key.endsWith("/undo") && !this.effects.has(`${key}/undo`));
  }

  #effect(key: string, input: string, behaviour: Behaviour, op: string): void {
    if (behaviour === "refused") throw refusal(op);
    if (behaviour === "bug") throw new TypeError(`${op} has a bug`);
    this.effects.set(key, { input, output: { ref: this.#count } });
    this.order.push(key);
  }
}

function refusal(op: string): Fault {
  return Refused.with({ op });
}
