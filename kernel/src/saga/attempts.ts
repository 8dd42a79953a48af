/** Tries something until it has an outcome that a saga can build on. */
import { type Fault, toFault } from "../std/mod.ts";
import type { Fiber } from "./fiber.ts";
import type { Undo } from "./undo.ts";

/** Something that is to be tried. */
export interface Trial {
  readonly name: string;
  /** One attempt. `attempt` is 1 only when there was certainly none before. */
  readonly run: (attempt: number) => Promise<unknown>;
  /** Absent when it must not be given up at all: waits, undoing, the last word. */
  readonly giveUp?: GiveUp;
  /** How many attempts are known to have failed already. */
  readonly attempts: number;
  /** Whether it may have been tried without anybody knowing: before a crash. */
  readonly doubtful: boolean;
  readonly undo?: Undo | undefined;
}

/** When something that fails before the pivot may be given up. */
export interface GiveUp {
  readonly attemptsMax: number;
  /**
   * Whether it must not be given up while its outcome is unknown: it may have succeeded before a crash, and later steps
   * may have been made on the strength of that.
   */
  readonly mustResolve: boolean;
}

/** How it came out. */
export type Outcome =
  | { readonly status: "done"; readonly value: unknown }
  | { readonly status: "failed" | "unknown"; readonly fault: Fault };

/** Waits up to this are spent in memory; longer ones in the table. */
const REST_MAX_MS = 1_000;

/** A promise for a body that is not to go on: it never settles, and is collected with the body that awaits it. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

/** Resolves to undefined when it does not come out in this run; then nothing more is to be done. */
export async function attempt(fiber: Fiber, trial: Trial): Promise<Outcome | undefined> {
  const { work, outside } = fiber;
  const { giveUp, name } = trial;
  let { attempts, doubtful } = trial;
  while (!fiber.drops(name) && work.departs()) {
    let fault: Fault;
    try {
      const value = await trial.run(attempts + (doubtful && attempts === 0 ? 2 : 1));
      if (fiber.drops(name)) break;
      return { status: "done", value };
    } catch (error) {
      fault = toFault(error);
    } finally {
      work.arrives();
    }
    if (fiber.drops(name)) break;
    attempts += 1;
    const mayEnd = giveUp !== undefined && !fiber.pivoted;
    if (mayEnd && !outside.isTransient(fault)) {
      // A bug may have struck after the effect. And an earlier attempt may still arrive there, after this one.
      return { status: doubtful || fault.kind === "broken" ? "unknown" : "failed", fault };
    }
    doubtful = true;
    const mayBeUnknown = mayEnd && !giveUp.mustResolve;
    if (mayBeUnknown && (attempts >= giveUp.attemptsMax || fiber.isTurning)) return { status: "unknown", fault };
    if (!(await rest(fiber, trial, attempts, fault))) return undefined;
    // The rest was cut short: the saga turns back, and nobody waits for this any more.
    if (mayBeUnknown && fiber.isTurning && !fiber.pivoted) return { status: "unknown", fault };
  }
  work.exit();
  return undefined;
}

/**
 * Waits before another attempt; false when it will not be in this run. Longer waits put the saga away, so that it needs
 * no memory, and a crash does not forget how far it was.
 */
async function rest(fiber: Fiber, trial: Trial, attempts: number, fault: Fault): Promise<boolean> {
  const { work, outside, row } = fiber;
  const { name, giveUp, undo } = trial;
  const mustResolve = giveUp === undefined || giveUp.mustResolve;
  const stuck = attempts >= outside.limits.stuckAfterAttempts && (mustResolve || fiber.pivoted);
  const news = stuck && row.status !== "stuck";
  row.step = name;
  row.attempts = attempts;
  outside.retried(name);
  if (stuck) outside.stuck(name, attempts, fault);
  const delayMs = outside.backoffMs(attempts);
  if (!news && delayMs <= REST_MAX_MS) return work.rest(delayMs);
  const wakeAt = outside.now() + Math.ceil(delayMs);
  work.pause({ name, wakeAt, retry: { attempts, fault, stuck, mustResolve, undo } });
  return false;
}
