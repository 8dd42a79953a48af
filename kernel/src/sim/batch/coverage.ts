/**
 * What a batch of runs reached: faults by kind, operations, steps of sagas, transactions, notes of actors. Counted from
 * histories and journals, so that nobody has to remember to count; merged over runs and processes.
 */

/** The areas of what can be reached. */
export type Area = "faults" | "steps" | "sagas" | "operations" | "transactions" | "notes";

/** All areas, in the order in which they are told. */
export const AREAS: readonly Area[] = ["faults", "steps", "sagas", "operations", "transactions", "notes"];

/** How often what happened to whom, of one area: `{ "checkout.placeOrder.reserve": { doubled: 3 } }`. */
export type Reached = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What some runs reached. Plain data, so that processes can tell one another. */
export interface Coverage {
  readonly runs: number;
  readonly areas: Readonly<Record<Area, Reached>>;
}

/** What a batch must reach. */
export interface Required {
  /** Batches of fewer runs are not held to it. */
  readonly runsMin: number;
  /** By area and subject: what must happen to it in some run. */
  readonly areas: Partial<Readonly<Record<Area, Readonly<Record<string, readonly string[]>>>>>;
  /** What only larger batches can be held to, beside the rest. */
  readonly rare?: Pick<Required, "runsMin" | "areas">;
  /** Areas in which nothing may appear that is not listed: so that what is new gets listed. */
  readonly closed?: readonly Area[];
}

/** Counts what is reached. */
export class Tally {
  readonly #areas = new Map<Area, Map<string, Map<string, number>>>();
  #runs = 0;

  count(area: Area, subject: string, what: string, times = 1): void {
    const subjects = mapIn(this.#areas, area);
    const whats = mapIn(subjects, subject);
    whats.set(what, (whats.get(what) ?? 0) + times);
  }

  /** Adds what other runs reached. */
  add({ runs, areas }: Coverage): void {
    this.#runs += runs;
    for (const area of AREAS)
      for (const [subject, whats] of Object.entries(areas[area]))
        for (const [what, times] of Object.entries(whats)) this.count(area, subject, what, times);
  }

  /** What was counted, in the order of names. */
  told(runs = this.#runs): Coverage {
    const areas = Object.fromEntries(
      AREAS.map((area) => {
        const subjects = [...(this.#areas.get(area) ?? [])].toSorted(byName);
        return [area, Object.fromEntries(subjects.map(([name, whats]) => [name, Object.fromEntries(whats)]))];
      }),
    );
    return { runs, areas: areas as Record<Area, Reached> };
  }
}

/** What several batches reached together. */
export function mergeCoverage(coverages: readonly Coverage[]): Coverage {
  const tally = new Tally();
  for (const coverage of coverages) tally.add(coverage);
  return tally.told();
}

/** What is required and was not reached, and what is there but not listed, for people to read. */
export function missingIn(coverage: Coverage, required: Required): readonly string[] {
  const { runsMin, areas, rare } = required;
  if (coverage.runs < runsMin) return [];
  const isLarge = rare !== undefined && coverage.runs >= rare.runsMin;
  const missing: string[] = [];
  for (const area of AREAS) {
    const [reached, wanted, also] = [coverage.areas[area], areas[area] ?? {}, rare?.areas[area] ?? {}];
    for (const subject of new Set([...Object.keys(wanted), ...Object.keys(also)])) {
      const whats = [...(wanted[subject] ?? []), ...(isLarge ? (also[subject] ?? []) : [])];
      const never = whats.filter((what) => (reached[subject]?.[what] ?? 0) === 0);
      if (never.length > 0) missing.push(`${area}: ${subject}: never ${never.join(", ")}`);
    }
    if (required.closed?.includes(area) !== true) continue;
    const unlisted = Object.keys(reached).filter((subject) => !(subject in wanted || subject in also));
    missing.push(...unlisted.map((subject) => `${area}: ${subject}: not in the list of what must be reached`));
  }
  return missing;
}

function mapIn<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let map = maps.get(key);
  if (map === undefined) maps.set(key, (map = new Map()));
  return map;
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
