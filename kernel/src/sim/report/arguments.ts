/** The arguments of the simulation's command. */

/** What the command was asked for. */
export interface SimArguments {
  readonly help: boolean;
  /** The one seed that is to be replayed. */
  readonly seed?: number;
  /** The only faults that may happen in it, by their ids. */
  readonly only: readonly string[];
  /** The only actors that act in it. */
  readonly onlyActors: readonly string[];
  readonly seeds: number;
  readonly from: number;
  readonly jobs?: number;
  readonly twiceEvery: number;
  readonly untilFailure: boolean;
  readonly shrinks: boolean;
  readonly keep: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  /** Where the page about a failing run is written. */
  readonly html?: string;
}

const SEEDS = 1_000;
const TWICE_EVERY = 20;

/** How the command is used. */
export const USAGE = `npm run sim -- [options]

A batch:
  --seeds N         how many seeds (${SEEDS})
  --from N          the first one (1)
  --jobs N          how many processes (one for each core)
  --twice N         every which seed runs again, in its own and in another process; 0 for none (${TWICE_EVERY})
  --until-failure   stops at the first failure
  --no-shrink       tells a failure with all its faults
  --verbose         also tells which operations and transactions were reached
  --json            prints the result as one line of JSON, and nothing else

One seed:
  --seed N          runs it and tells its story
  --only ID         lets only this fault happen; may be given more than once; "none" for no faults
  --actor NAME      lets only this actor act; may be given more than once
  --keep            keeps a failing seed in testdata/sim, from where it runs first in every batch
  --verbose         tells of every event
  --html FILE       writes the page with the diagram here
`;

type Raw = Readonly<Record<string, readonly string[]>>;

const FLAGS = new Set(["help", "until-failure", "no-shrink", "keep", "verbose", "json"]);
const VALUES = new Set(["seed", "seeds", "from", "jobs", "twice", "only", "actor", "html"]);

/** Reads arguments. @throws {TypeError} for those that it does not know. */
export function parseArguments(words: readonly string[]): SimArguments {
  const raw = rawOf(words);
  const number = (name: string): number | undefined => wholeNumber(name, raw[name]?.at(-1));
  const [seed, jobs, html] = [number("seed"), number("jobs"), raw["html"]?.at(-1)];
  return {
    ...{ help: "help" in raw, untilFailure: "until-failure" in raw, shrinks: !("no-shrink" in raw) },
    ...{ keep: "keep" in raw, verbose: "verbose" in raw, json: "json" in raw },
    ...{ only: raw["only"] ?? [], onlyActors: raw["actor"] ?? [] },
    ...{ seeds: number("seeds") ?? SEEDS, from: number("from") ?? 1, twiceEvery: number("twice") ?? TWICE_EVERY },
    ...(seed === undefined ? {} : { seed }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(html === undefined ? {} : { html }),
  };
}

function rawOf(words: readonly string[]): Raw {
  const raw: Record<string, string[]> = {};
  for (let index = 0; index < words.length; index += 1) {
    const [, name = "", inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(words[index] ?? "") ?? [];
    if (FLAGS.has(name) && inline === undefined) raw[name] = [];
    else if (VALUES.has(name)) {
      const value = inline ?? words[(index += 1)];
      if (value === undefined) throw new TypeError(`--${name} needs a value.`);
      (raw[name] ??= []).push(value);
    } else throw new TypeError(`"${words[index] ?? ""}" is not known. See --help.`);
  }
  return raw;
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new TypeError(`--${name} takes a whole number, not "${text}".`);
  return Number(text);
}
