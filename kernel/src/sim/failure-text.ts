/** What went wrong in a run, for people. */
import type { EventKind, SimEvent } from "./history.ts";
import type { RunResult } from "./simulation.ts";

/** Faults up to this number are listed one by one. */
const LISTED_MAX = 20;

/** What did not hold, the faults that happened, and how to replay it. */
export function failureText(name: string, { seed, violations, faults }: RunResult, replay: string): string {
  const wrong = violations.map(({ property, what }) => `  ${property}: ${what}`);
  return [
    `The simulation "${name}" fails with seed ${seed}.`,
    ...wrong,
    ...(faults.length === 0 ? ["No fault happened in this run."] : ["Faults that happened in this run:"]),
    ...listed(faults.map(({ kind, name: occasion }) => ({ kind, text: `${kind}: ${occasion}` }))),
    "Replay it, with its story:",
    `  ${replay}`,
  ].join("\n");
}

function listed(faults: readonly { readonly kind: string; readonly text: string }[]): readonly string[] {
  if (faults.length <= LISTED_MAX) return faults.map(({ text }) => `  ${text}`);
  return [...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, { length }]) => `  ${length} × ${kind}`);
}

/** That `sometimes` properties were not reached. */
export function unreachedText(about: {
  readonly name: string;
  readonly unreached: readonly string[];
  readonly notes: ReadonlyMap<string, number>;
  readonly seeds: readonly number[];
}): string {
  const { name, unreached, notes, seeds } = about;
  const noted = [...notes].map(([note, times]) => `  ${times} × ${note}`);
  return [
    `The simulation "${name}" never reached, with ${seeds.length} seeds:`,
    ...unreached.map((one) => `  ${one}`),
    "What is never reached is not tested: let actors try it, or run more seeds. Reached was:",
    ...(noted.length === 0 ? ["  nothing"] : noted),
  ].join("\n");
}

/** What a story leaves out: what goes on all the time. */
const USUAL: ReadonlySet<EventKind> = new Set<EventKind>(["arrive", "reply"]);

/** What happened in a run, an event a line, in order. */
export function storyText({ seed, events, placement }: RunResult): string {
  const begin = events[0]?.at ?? 0;
  const lines = events.filter(({ kind }) => !USUAL.has(kind)).map((event) => lineOf(event, begin));
  return [`Seed ${seed}, on ${placement.join("; ")}`, ...lines].join("\n");
}

function lineOf({ at, kind, who, whom, what }: SimEvent, begin: number): string {
  const moment = `${(at - begin).toFixed(1)} ms`.padStart(12);
  return `${moment}  ${kind.padEnd(9)} ${who}${whom === undefined ? "" : ` > ${whom}`}: ${what}`;
}
