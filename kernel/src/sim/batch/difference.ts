/** Where two runs of one seed went apart. A simulation is a pure function of its seed, or it proves nothing. */
import type { Lane } from "./lane.ts";
import type { SeedTask } from "./outcome.ts";

/** Two runs of one seed that were not the same. */
export interface Difference {
  readonly seed: number;
  /** Under which circumstances the second run was made. */
  readonly when: string;
  /** The first event that differs; undefined when it did not come about again. */
  readonly first?: FirstDifference;
}

/** The first event in which two runs differ. */
export interface FirstDifference {
  /** Its number, from 0 on. */
  readonly index: number;
  readonly one: string | undefined;
  readonly other: string | undefined;
  /** What both have before it, the last first events last. */
  readonly before: readonly string[];
}

const BEFORE = 5;

/** Compares two histories event by event; undefined when they are equal. */
export function firstDifference(one: readonly string[], other: readonly string[]): FirstDifference | undefined {
  const length = Math.max(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    if (one[index] === other[index]) continue;
    const before = one.slice(Math.max(0, index - BEFORE), index);
    return { index, one: one[index], other: other[index], before };
  }
  return undefined;
}

/** Lanes in which a seed that differed is run again. */
export interface Suspects {
  /** The lane that has made many runs. */
  readonly used: Lane;
  /** Makes a lane of a new process, or one that is as new as can be. */
  readonly fresh: () => Lane;
}

/** Finds the event at which the runs of a seed go apart: alone, after another, and after many. */
export async function explain(task: SeedTask, { used, fresh }: Suspects): Promise<FirstDifference | undefined> {
  const [alone, after] = [fresh(), fresh()];
  try {
    const first = await alone.tell(task);
    await after.run({ seed: task.seed + 1 });
    for (const lane of [after, used, alone]) {
      const found = firstDifference(first, await lane.tell(task));
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    await Promise.all([alone.close(), after.close()]);
  }
}
