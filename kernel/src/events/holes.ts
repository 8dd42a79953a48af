/**
 * Holes: what a log has no more, because its type is not kept for ever. Whoever reads past one without having been there
 * before must know of it, also when it reads a copy that was made of the log later. So they travel with what is read.
 */
import { EventsPruned } from "./log-pruning.ts";

/** Up to where the events of types were deleted from a log, by type. */
export type Holes = Readonly<Record<string, number>>;

/** A run of a log from which events were missing when it was read. */
export interface HoledRun {
  readonly after: number;
  readonly upTo: number;
  readonly holes: Holes;
}

/** Passed as `missed` by whoever takes what there is. */
export const WHATEVER_IS_LEFT: number = Number.MAX_SAFE_INTEGER;

/** The holes in these types, or in all, that go beyond a position; undefined when there is none. */
export function holesAfter(holes: Holes | undefined, after: number, types?: ReadonlySet<string>): Holes | undefined {
  if (holes === undefined) return undefined;
  const found = Object.entries(holes).filter(
    ([type, upTo]) => upTo > after && (types === undefined || types.has(type)),
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Up to where something is missing; 0 when nothing is. */
export function endOf(holes: Holes | undefined): number {
  return Math.max(0, ...Object.values(holes ?? {}));
}

/** Lets a reader pass that knows what is missing. @throws {EventsPruned} for any other. */
export function checkHoles(
  service: string,
  { after, missed = 0 }: { readonly after: number; readonly missed?: number },
  holes: Holes | undefined,
): void {
  const pruned = endOf(holes);
  if (pruned > missed) throw EventsPruned.with({ service, after, pruned });
}

/** The run that has the next position, if something is missing from it; and up to where one may read before the next such. */
export function holedRunAt(
  runs: readonly HoledRun[],
  after: number,
): { readonly holes: Holes | undefined; readonly end: number } {
  const here = runs.find((run) => run.after <= after && after < run.upTo);
  const next = runs.filter((run) => run.after > after).map((run) => run.after);
  return { holes: here?.holes, end: Math.min(here?.upTo ?? WHATEVER_IS_LEFT, ...next) };
}
