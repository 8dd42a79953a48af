/** Waiting for a saga that another replica of the service runs: its row is all there is to see. */
import { type Clock, sleep } from "../std/mod.ts";
import type { SagaView } from "./saga.ts";
import { isSettled } from "./watchers.ts";

/** The pauses between looks, in milliseconds: the first one, and the longest. Most sagas are over within a few. */
const FIRST_MS = 15;
const LONGEST_MS = 250;
const GROWTH = 1.5;

/** What {@link followSaga} takes. */
export interface Following {
  readonly clock: Clock;
  /** How long to wait for the saga to come to something, in milliseconds. */
  readonly timeoutMs: number;
  readonly view: () => Promise<SagaView | undefined>;
}

/** Resolves to the saga when it has come to something, or to what it is when the time has passed. */
export async function followSaga({ clock, timeoutMs, view }: Following): Promise<SagaView | undefined> {
  const until = clock.monotonicMs() + timeoutMs;
  for (let pauseMs = FIRST_MS; ; pauseMs = Math.min(LONGEST_MS, pauseMs * GROWTH)) {
    const saga = await view();
    const leftMs = until - clock.monotonicMs();
    if (saga === undefined || isSettled(saga.status) || leftMs <= 0) return saga;
    await sleep(clock, Math.min(pauseMs, leftMs));
  }
}
