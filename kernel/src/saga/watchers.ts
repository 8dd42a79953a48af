/** Those who wait for a saga to come to something. In memory: they end with the process that they answer from. */
import type { Clock } from "../std/mod.ts";
import { type SagaRow, viewOf } from "./records.ts";
import type { SagaStatus, SagaView } from "./saga.ts";

/** Somebody who waits. */
export interface Watch {
  /** Resolves to the saga when it has come to something; to undefined when the time has passed. */
  readonly settled: Promise<SagaView | undefined>;
  cancel(): void;
}

/** Whether there is nothing more to be waited for soon. */
export function isSettled(status: SagaStatus): boolean {
  return status !== "running" && status !== "compensating";
}

/** The waiting of one engine. Bounded by the calls that wait, which have deadlines. */
export class Watchers {
  readonly #clock: Clock;
  readonly #byId = new Map<string, Set<(view: SagaView | undefined) => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(id: string, timeoutMs: number): Watch {
    const { promise, resolve } = Promise.withResolvers<SagaView | undefined>();
    let mine = this.#byId.get(id);
    if (mine === undefined) {
      mine = new Set();
      this.#byId.set(id, mine);
    }
    const all = mine;
    const end = (view: SagaView | undefined): void => {
      timer.cancel();
      all.delete(end);
      if (all.size === 0 && this.#byId.get(id) === all) this.#byId.delete(id);
      resolve(view);
    };
    const timer = this.#clock.after(Math.max(0, timeoutMs), () => {
      end(undefined);
    });
    all.add(end);
    return {
      settled: promise,
      cancel: () => {
        end(undefined);
      },
    };
  }

  /** A saga has another status. */
  notify(row: SagaRow): void {
    const waiting = this.#byId.get(row.id);
    if (waiting === undefined || !isSettled(row.status)) return;
    const view = viewOf(row);
    for (const end of waiting) end(view);
  }

  /** There is no such saga. */
  forget(id: string): void {
    for (const end of this.#byId.get(id) ?? []) end(undefined);
  }

  /** Nothing more will come. */
  stop(): void {
    for (const id of this.#byId.keys()) this.forget(id);
  }
}
