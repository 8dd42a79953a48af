/** What one run of a saga needs of the world: the time, calls, and somebody to tell. */
import type { Call } from "../contract/mod.ts";
import { backoffMs } from "../guard/mod.ts";
import type { Fault } from "../std/mod.ts";
import type { SagaEngineOptions, SagaLimits } from "./options.ts";
import { type Entry, type SagaOrigin, type SagaRow, encodeFault, readable } from "./records.ts";

/** The world of one saga. */
export class Outside {
  readonly limits: SagaLimits;
  readonly #options: SagaEngineOptions;
  readonly #row: SagaRow;
  readonly #origin: SagaOrigin;

  constructor(options: SagaEngineOptions, limits: SagaLimits, row: SagaRow, origin: SagaOrigin) {
    this.limits = limits;
    this.#options = options;
    this.#row = row;
    this.#origin = origin;
  }

  now(): number {
    return this.#options.clock.now();
  }

  /** Runs at the end of this turn. */
  soon(action: () => void): void {
    this.#options.clock.soon(action);
  }

  isTransient(fault: Fault): boolean {
    const { isTransient } = this.#options;
    return isTransient === undefined ? fault.kind === "unavailable" || fault.kind === "exhausted" : isTransient(fault);
  }

  isCommand(call: Call): boolean {
    try {
      return this.#options.isCommand?.(call) ?? false;
    } catch {
      // Whatever is wrong with it, making the call will tell.
      return false;
    }
  }

  /** What the journal has of a step, as this build reads the answer. */
  read(call: Call, entry: Entry): Entry {
    const schema = entry.status === "done" ? this.#options.answerOf?.(call) : undefined;
    return schema === undefined ? entry : { ...entry, value: readable(schema, entry.value) };
  }

  /** Makes the call of a step, under its key. `insists`: it is repeated until it succeeds. */
  call(call: Call, name: string, { attempt, insists }: { attempt: number; insists: boolean }): Promise<unknown> {
    const { identity, criticality, trace } = this.#origin;
    const key = `${this.#row.id}/${name}`;
    return this.#options.call(call, { key, attempt, identity, criticality, trace, insists });
  }

  /** How long to wait when something has failed so often, in milliseconds. */
  backoffMs(attempts: number): number {
    const { backoffBaseMs: baseMs, backoffMaxMs: capMs } = this.limits;
    return backoffMs(attempts, this.#options.random, { baseMs, capMs });
  }

  retried(step: string): void {
    this.#options.observer?.retried?.(this.#row.saga, step);
  }

  /** Reports that the saga is stuck, unless that is known. */
  stuck(step: string, attempts: number, fault: Fault): void {
    const { log, observer } = this.#options;
    const row = this.#row;
    const isNews = row.status !== "stuck";
    row.status = "stuck";
    row.fault = encodeFault(fault);
    if (!isNews) return;
    const fields = { saga: row.saga, sagaId: row.id, step, attempts, fault };
    log.error("A saga is stuck. It is tried again, but somebody should look.", fields);
    observer?.stuck?.(row.saga, step);
  }

  turnsBack(fault: Fault): void {
    const { saga, id, step } = this.#row;
    const fields = { saga, sagaId: id, step, fault };
    // Conflicts and the like are how sagas are meant to fail.
    if (fault.kind === "broken") this.#options.log.error("A saga turns back.", fields);
    else this.#options.log.info("A saga turns back.", fields);
  }
}
