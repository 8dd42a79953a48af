/** A failing run, told: what is wrong, the fewest faults, the first wrong moment, a diagram, and how to go on. */
import { type KeptCase, caseOf } from "../batch/cases.ts";
import { type SeedTask, optionsOf } from "../batch/outcome.ts";
import { type ShrinkOptions, shrink } from "../batch/shrink.ts";
import { faultId } from "../faults.ts";
import { runSeed } from "../run-seed.ts";
import type { RunResult, Simulation } from "../simulation.ts";
import { diagramOf, mermaidDiagram, textDiagram } from "./diagram.ts";
import { pageOf } from "./page.ts";
import { type Findings, findingsOf } from "./relevant.ts";
import { secondsOf, sentenceOf, storyLines } from "./telling.ts";

/** A failing run, told in every way. */
export interface FailureReport {
  readonly result: RunResult;
  readonly lines: readonly string[];
  readonly html: string;
  readonly mermaid: string;
  /** What is to be kept of it. */
  readonly kept: KeptCase;
}

/** How a failing run is told. */
export interface FailureOptions extends ShrinkOptions {
  /** What a command for it begins with: `npm run sim --`. */
  readonly command: string;
  /** Whether the fewest faults are looked for; true unless said. */
  readonly shrinks?: boolean;
}

const BEFORE = 12;
const LINE_MAX = 180;
const FAULTS_TOLD = 40;

/** Runs a seed again and tells why it fails; undefined when it does not. */
export async function reportFailure(
  simulation: Simulation,
  task: SeedTask,
  options: FailureOptions,
): Promise<FailureReport | undefined> {
  const whole = await runSeed(simulation, { ...optionsOf(task), keepsBodies: true });
  if (whole.violations.length === 0) return undefined;
  const shrunk = options.shrinks === false ? undefined : await shrink(simulation, whole, options);
  const { faults, actors, isMinimal } = shrunk ?? { ...smallTaskOf(whole), isMinimal: false };
  const smallest: SeedTask = { seed: task.seed, only: faults, onlyActors: actors };
  const result =
    shrunk === undefined ? whole : await runSeed(simulation, { ...optionsOf(smallest), keepsBodies: true });
  const kind = options.kindOf ?? (({ property }) => property);
  const [wanted = ""] = whole.violations.map(kind);
  // What shrinking kept comes first: smaller runs may show something else, too.
  const told = { ...result, violations: result.violations.toSorted((one) => (kind(one) === wanted ? -1 : 1)) };
  const findings = findingsOf(told);
  if (findings === undefined) return undefined;
  const all = simulation.actors({ seed: task.seed }).length;
  const kept = caseOf(simulation.name, told, all);
  const facts = factsOf(simulation, { whole, told, runs: shrunk?.runs, isMinimal, all });
  const commands = commandsOf(options.command, task, smallest, actors.length < all);
  return { result: told, kept, ...drawn({ findings, told, facts, commands }) };
}

/** The command that runs a task again. */
export function replayCommand(command: string, { seed, only, onlyActors }: SeedTask): string {
  const faults = only?.length === 0 ? ["none"] : (only ?? []);
  const words = [
    ...faults.map((id) => `--only ${quoted(id)}`),
    ...(onlyActors ?? []).map((one) => `--actor ${quoted(one)}`),
  ];
  return [command, `--seed ${seed}`, ...words].join(" ");
}

function smallTaskOf({ faults, actors }: RunResult): { faults: readonly string[]; actors: readonly string[] } {
  return { faults: [...new Set(faults.map(faultId))], actors };
}

type Facts = readonly (readonly [string, string])[];

interface Known {
  readonly whole: RunResult;
  readonly told: RunResult;
  readonly runs: number | undefined;
  readonly isMinimal: boolean;
  readonly all: number;
}

function factsOf({ name }: Simulation, { whole, told, runs, isMinimal, all }: Known): Facts {
  const count = (result: RunResult): number => new Set(result.faults.map(faultId)).size;
  const how = isMinimal ? "none can be left out" : "fewer may do";
  const shrunk = `${count(whole)} happened; ${count(told)} are left after ${runs ?? 0} runs, ${how}`;
  const [first] = told.violations;
  return [
    ["simulation", name],
    ["seed", String(told.seed)],
    ["seen", `at ${secondsOf(first?.at ?? 0)} s`],
    ["faults", runs === undefined ? String(count(whole)) : shrunk],
    ["actors", `${told.actors.length} of ${all}: ${told.actors.join(", ")}`],
    ["placement", told.placement.map((place) => place.replace(/^(.+): (?:\1)?$/, "$1")).join(" | ")],
    [
      "beside it",
      told.violations
        .slice(1, 4)
        .map(({ property, what }) => `${property}: ${what}`)
        .join(" | ") || "nothing",
    ],
  ];
}

function commandsOf(command: string, task: SeedTask, smallest: SeedTask, fewer: boolean): readonly string[] {
  const { onlyActors: _, ...anyActors } = smallest;
  const small = fewer ? smallest : anyActors;
  const long = (small.only?.length ?? 0) > FAULTS_TOLD;
  return [
    replayCommand(command, task),
    ...(long ? [] : [replayCommand(command, small)]),
    `${command} --seed ${task.seed} --keep`,
  ];
}

interface Drawing {
  readonly findings: Findings;
  readonly told: RunResult;
  readonly facts: Facts;
  readonly commands: readonly string[];
}

function drawn({ findings, told, facts, commands }: Drawing): Pick<FailureReport, "lines" | "html" | "mermaid"> {
  const { violation, events, left } = findings;
  const diagram = diagramOf(events);
  const mermaid = mermaidDiagram(diagram);
  const faults = [...new Set(told.faults.map(faultId))];
  const before = events.filter(({ kind }) => kind !== "violation" && kind !== "arrive").slice(-BEFORE);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = [
    `FAILURE ${violation.property}`,
    `  ${violation.what}`,
    "",
    ...facts.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
    ...["", "The faults that matter:"],
    ...(faults.length === 0 ? ["  none"] : faults.slice(0, FAULTS_TOLD).map((id) => `  ${id}`)),
    ...(faults.length > FAULTS_TOLD ? [`  … and ${faults.length - FAULTS_TOLD} more`] : []),
    ...["", `The sequence${left > 0 ? `, without its first ${left} events` : ""}:`],
    ...textDiagram(diagram).map(short),
    ...["", `What was last heard of it, before ${secondsOf(violation.at)} s:`],
    ...before.map((event) => short(`${secondsOf(event.at).padStart(9)}  ${sentenceOf(event)}`)),
    ...["", "To run it again, to run what matters of it, and to keep it:"],
    ...commands.map((command) => `  ${command}`),
  ];
  const html = pageOf({
    title: `Seed ${told.seed}: ${violation.property}`,
    ...{ property: violation.property, what: violation.what, facts, faults, commands, diagram, mermaid },
    story: storyLines(told.events),
  });
  return { lines, html, mermaid };
}

function short(line: string): string {
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX - 1)}…` : line;
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
