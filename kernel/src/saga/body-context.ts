/** What a saga's body is given: each operation answers from the journal, or does its work and journals it. */
import type { Call } from "../contract/mod.ts";
import type { EventWriter } from "../events/mod.ts";
import { pruner } from "../schema/mod.ts";
import { type Outcome, attempt, never } from "./attempts.ts";
import type { Fiber } from "./fiber.ts";
import { type Entry, INSERT_ENTRY, PIVOT, decode, decodeFault, encode, encodeFault } from "./records.ts";
import type { SagaContext, SagaSignal, StepOptions } from "./saga.ts";
import { Undo } from "./undo.ts";
import { awaitMoment } from "./waits.ts";

const ATTEMPTS_MAX = 8;
const FIND_ENTRY = "SELECT value FROM isomer_saga_journal WHERE saga_id = ? AND name = ?";

/** Answers a body from the fiber that runs it. */
export class BodyContext implements SagaContext<string, never> {
  readonly id: string;
  readonly #fiber: Fiber;

  constructor(fiber: Fiber) {
    this.#fiber = fiber;
    this.id = fiber.row.id;
  }

  step<Output>(name: string, call: Call<string, Output>, options?: StepOptions<string, Output>): Promise<Output> {
    return handled(this.#step(name, call, options));
  }

  local<T>(
    name: string,
    body: (tx: EventWriter<never>) => Promise<T>,
    options?: { readonly undo?: (tx: EventWriter<never>, result: T) => Promise<void> },
  ): Promise<T> {
    return handled(this.#local(name, body, options));
  }

  async #step<Output>(
    name: string,
    call: Call<string, Output>,
    options: StepOptions<string, Output> = {},
  ): Promise<Output> {
    const fiber = this.#fiber;
    const entry = fiber.ask(name, "step");
    const undo = options.undo && fiber.undoable(new Undo(name, { kind: "call", undo: options.undo }));
    if (entry !== undefined) return recorded<Output>(fiber.outside.read(call, entry), undo);
    const isCommand = fiber.outside.isCommand(call);
    const began = await fiber.begin(name, isCommand, undo);
    if (began === undefined) return never();
    const outcome = await attempt(fiber, {
      name,
      run: (count) => fiber.outside.call(call, name, { attempt: count, insists: fiber.pivoted }),
      giveUp: {
        attemptsMax: options.attemptsMax ?? ATTEMPTS_MAX,
        mustResolve: began.mustResolve,
      },
      attempts: began.attempts,
      doubtful: began.doubtful,
      undo,
    });
    if (outcome === undefined) return never();
    const text = record(fiber, name, outcome);
    undo?.settle(outcome.status, text);
    // A command gives its answer again to the same key, so the next step need not wait for the disk. Nothing else does:
    // a query may answer otherwise, and what failed may succeed.
    const mayBeLost = isCommand && outcome.status === "done" && !began.parked;
    if (!mayBeLost) await fiber.ledger.durable();
    fiber.leave();
    if (outcome.status !== "done") throw outcome.fault;
    return outcome.value as Output;
  }

  async #local<T>(
    name: string,
    body: (tx: EventWriter<never>) => Promise<T>,
    options: { readonly undo?: (tx: EventWriter<never>, result: T) => Promise<void> } = {},
  ): Promise<T> {
    const fiber = this.#fiber;
    const entry = fiber.ask(name, "local");
    const undo = options.undo && fiber.undoable(new Undo(name, { kind: "local", undo: options.undo }));
    if (entry !== undefined) return recorded<T>(entry, undo);
    const began = await fiber.begin(name, false);
    if (began === undefined) return never();
    const outcome = await attempt(fiber, {
      name,
      run: (count) => fiber.ledger.transact(name, (tx) => runLocal(fiber, name, tx, count > 1, body)),
      // While the own database does not answer, turning back is not possible either.
      giveUp: { attemptsMax: ATTEMPTS_MAX, mustResolve: true },
      attempts: began.attempts,
      // A transaction that fails leaves nothing: however often it was tried, a fault means that it did not happen.
      doubtful: false,
    });
    if (outcome === undefined) return never();
    if (outcome.status === "done") undo?.settle("done", outcome.value as string | null);
    else {
      fiber.ledger.record(name, "local", "failed", encodeFault(outcome.fault));
      await fiber.ledger.durable();
    }
    fiber.leave();
    if (outcome.status !== "done") throw outcome.fault;
    return decode(outcome.value as string | null) as T;
  }

  async wait<P>(name: string, signal: SagaSignal<P>, options: { readonly timeoutMs: number }): Promise<P | undefined> {
    const { name: sent, payload } = signal;
    const told = await awaitMoment(this.#fiber, { name, kind: "wait", afterMs: options.timeoutMs, signal: sent });
    // A newer build may have sent it.
    return pruner(payload)(told) as P;
  }

  async sleep(name: string, delayMs: number): Promise<void> {
    await awaitMoment(this.#fiber, { name, kind: "sleep", afterMs: delayMs });
  }

  async now(name: string): Promise<number> {
    const fiber = this.#fiber;
    const entry = fiber.ask(name, "now");
    if (entry !== undefined) return decode(entry.value) as number;
    if ((await fiber.begin(name, false)) === undefined) return never();
    const now = fiber.outside.now();
    fiber.ledger.record(name, "now", "done", String(now));
    await fiber.ledger.durable();
    fiber.leave();
    return now;
  }

  async pivot(): Promise<void> {
    const fiber = this.#fiber;
    if (fiber.hasAsked(PIVOT)) return;
    if (fiber.ask(PIVOT, "pivot") !== undefined) return;
    if ((await fiber.begin(PIVOT, false)) === undefined) return never();
    fiber.ledger.record(PIVOT, "pivot", "done", null);
    fiber.row.pivoted = 1;
    fiber.ledger.store({ step: null, attempts: 0, wakeAt: fiber.outside.now() });
    await fiber.ledger.durable();
    fiber.leave();
  }
}

/** A branch that the body no longer awaits must not end the process when it fails. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function recorded<T>(entry: Entry, undo: Undo | undefined): T {
  undo?.settle(entry.status, entry.value);
  if (entry.status !== "done") throw decodeFault(entry.value);
  return decode(entry.value) as T;
}

function record(fiber: Fiber, name: string, outcome: Outcome): string | null {
  const text = outcome.status === "done" ? encode(outcome.value) : encodeFault(outcome.fault);
  fiber.ledger.record(name, "step", outcome.status, text);
  return text;
}

// oxlint-disable-next-line max-params -- what `local` was given, and where it is
async function runLocal<T>(
  { ledger, row }: Fiber,
  name: string,
  tx: EventWriter<never>,
  isRepeated: boolean,
  body: (tx: EventWriter<never>) => Promise<T>,
): Promise<string | null> {
  if (isRepeated) {
    // The answer to an earlier commit may have got lost.
    const [found] = await tx.connection.all<{ value: string | null }>(FIND_ENTRY, [row.id, name]);
    if (found !== undefined) return found.value;
  }
  const text = encode(await body(tx));
  await tx.connection.run(INSERT_ENTRY, ledger.entry(name, "local", "done", text));
  return text;
}
