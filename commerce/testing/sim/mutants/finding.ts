/** What is asked of a process that looks for violations, and what it answers. */

/** What to run. */
export interface Order {
  /** Seeds to begin with: those that found it last time. Then all from 1. */
  readonly first: readonly number[];
  /** The highest seed. */
  readonly seedsMax: number;
  /** Every which seed; each unless said. */
  readonly every?: number | undefined;
  /** No further seed is begun after so long. */
  readonly timeMs: number;
  /** Whether to look for the fewest faults that show it. */
  readonly shrinks: boolean;
}

/** What came of it. */
export type Finding =
  | {
      readonly found: true;
      readonly seed: number;
      /** How many seeds were run until then. */
      readonly seeds: number;
      /** Which property did not hold; of the invariants with its number. */
      readonly violated: string;
      readonly what: string;
      readonly faults: readonly string[];
      /** The faults that are left after shrinking. */
      readonly fewest?: readonly string[];
      readonly ms: number;
    }
  | { readonly found: false; readonly seeds: number; readonly ms: number };
