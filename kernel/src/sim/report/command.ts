/** The command that runs simulations by hand and in CI. A simulation's `main.ts` calls it and ends with its result. */
import { keepCase, readCases } from "../batch/cases.ts";
import type { Required } from "../batch/coverage.ts";
import type { SeedOutcome, SeedTask } from "../batch/outcome.ts";
import { optionsOf } from "../batch/outcome.ts";
import { type BatchResult, runBatch } from "../batch/run-batch.ts";
import { writeTextFile } from "../real/files.ts";
import { type Terminal, realTerminal } from "../real/terminal.ts";
import type { SimulationSource } from "../real/workers.ts";
import { runSeed } from "../run-seed.ts";
import type { RunResult, SimViolation, Simulation } from "../simulation.ts";
import { type SimArguments, USAGE, parseArguments } from "./arguments.ts";
import { type FailureReport, replayCommand, reportFailure } from "./failure.ts";
import { batchLines, progressLine } from "./progress.ts";
import { secondsOf, storyLines } from "./telling.ts";

/** How the command is set up for a simulation. */
export interface SimCommandOptions {
  /** The words after the command: `process.argv.slice(2)`. */
  readonly words: readonly string[];
  /** Where other processes find the simulation; without it a batch runs in one process. */
  readonly source?: SimulationSource;
  /** What a batch must reach. */
  readonly required?: Required;
  /** Where failing seeds are kept: `testdata/sim` unless said. */
  readonly keptIn?: string;
  /** Where pages about failures are written: `.sim` unless said. */
  readonly pagesIn?: string;
  /** What counts as one failure while shrinking; the property's name unless said. */
  readonly kindOf?: (violation: SimViolation) => string;
  /** How the command is called: `npm run sim --` unless said. */
  readonly command?: string;
  readonly terminal?: Terminal;
}

const COMMAND = "npm run sim --";

/** Runs the command. Resolves to what the process is to end with: 0 when all is well. */
export async function simCommand(simulation: Simulation, options: SimCommandOptions): Promise<number> {
  const terminal = options.terminal ?? realTerminal();
  let asked: SimArguments;
  try {
    asked = parseArguments(options.words);
  } catch (error) {
    terminal.print((error as Error).message);
    return 2;
  }
  const command = new Command(simulation, options, asked, terminal);
  if (asked.help) terminal.print(options.command === undefined ? USAGE : USAGE.replace(COMMAND, options.command));
  else return asked.seed === undefined ? command.batch() : command.seed(asked.seed);
  return 0;
}

class Command {
  readonly #simulation: Simulation;
  readonly #options: SimCommandOptions;
  readonly #asked: SimArguments;
  readonly #terminal: Terminal;
  readonly #command: string;

  // oxlint-disable-next-line max-params -- what, how it is set up, what is asked for, where it is told
  constructor(simulation: Simulation, options: SimCommandOptions, asked: SimArguments, terminal: Terminal) {
    this.#simulation = simulation;
    this.#options = options;
    this.#asked = asked;
    this.#terminal = terminal;
    this.#command = options.command ?? COMMAND;
  }

  /** Runs a batch, and tells of its first failure at length. */
  async batch(): Promise<number> {
    const { seeds, from, jobs, twiceEvery, untilFailure, json, verbose } = this.#asked;
    const { source, required } = this.#options;
    const kept = readCases(this.#keptIn, this.#simulation.name);
    const result = await runBatch(this.#simulation, {
      ...{ seeds, from, twiceEvery, untilFailure, kept },
      ...(jobs === undefined ? {} : { jobs }),
      ...(source === undefined ? {} : { source }),
      ...(required === undefined ? {} : { required }),
      ...(json ? {} : { onProgress: (progress) => this.#terminal.progress(progressLine(progress)) }),
    });
    if (json) this.#terminal.print(JSON.stringify(result));
    else {
      const replay = ({ task }: SeedOutcome): string => replayCommand(this.#command, task);
      this.#print(batchLines(result, replay, verbose));
      await this.#tellFirst(result);
    }
    return result.ok ? 0 : 1;
  }

  /** Runs one seed and tells its story. */
  async seed(seed: number): Promise<number> {
    const { only, onlyActors, verbose, keep, json, shrinks } = this.#asked;
    const task: SeedTask = {
      seed,
      ...(only.length === 0 ? {} : { only: only.filter((id) => id !== "none") }),
      ...(onlyActors.length === 0 ? {} : { onlyActors }),
    };
    const result = await runSeed(this.#simulation, optionsOf(task));
    const fails = result.violations.length > 0;
    if (json) {
      const { events: _, notes, ...rest } = result;
      this.#terminal.print(JSON.stringify({ ...rest, notes: Object.fromEntries(notes) }));
    } else this.#print([...storyLines(result.events, verbose), "", ...this.#summary(result), ""]);
    if (!fails) {
      if (keep) this.#terminal.print("It does not fail, so there is nothing to keep.");
      return 0;
    }
    // What was chosen by hand is told as it is.
    if (!json || keep) await this.#tell(task, shrinks && only.length === 0 && onlyActors.length === 0);
    return 1;
  }

  get #keptIn(): string {
    return this.#options.keptIn ?? "testdata/sim";
  }

  async #tellFirst(result: BatchResult): Promise<void> {
    const [first] = result.failures.filter(({ digest }) => digest !== "");
    if (first === undefined) return;
    this.#terminal.print("");
    await this.#tell(first.task, this.#asked.shrinks && first.task.only === undefined);
  }

  async #tell(task: SeedTask, shrinks: boolean): Promise<void> {
    const { kindOf } = this.#options;
    const report = await reportFailure(this.#simulation, task, {
      ...{ command: this.#command, shrinks },
      ...(kindOf === undefined ? {} : { kindOf }),
      onProgress: ({ runs, faults, actors }) =>
        this.#terminal.progress(
          `shrinking seed ${task.seed}: ${faults} faults and ${actors} actors after ${runs} runs`,
        ),
    });
    if (report === undefined) {
      this.#terminal.print(`Seed ${task.seed} fails in the batch and not by itself: it is not a function of its seed.`);
      return;
    }
    if (!this.#asked.json) this.#print(report.lines);
    this.#write(report);
  }

  #write({ html, mermaid, kept }: FailureReport): void {
    const base = `${this.#options.pagesIn ?? ".sim"}/${kept.simulation}-${kept.seed}`;
    const page = this.#asked.html ?? `${base}.html`;
    writeTextFile(page, html);
    writeTextFile(`${base}.mmd`, mermaid);
    const files = [`The page with the diagram: ${page}`, `The diagram for Mermaid: ${base}.mmd`];
    const path = this.#asked.keep ? keepCase(this.#keptIn, kept) : undefined;
    if (path !== undefined) files.push(`Kept as ${path}: it runs first in every batch from now on.`);
    if (!this.#asked.json) this.#print(["", ...files]);
  }

  #summary({ violations, faults, crashes, transactions, virtualMs, digest, placement }: RunResult): readonly string[] {
    const seconds = (virtualMs / 1_000).toFixed(1);
    return [
      `placement: ${placement.map((place) => place.replace(/^(.+): (?:\1)?$/, "$1")).join(" | ")}`,
      `${transactions} transactions, ${faults.length} faults, ${crashes} crashes in ${seconds} virtual seconds`,
      `digest ${digest}`,
      ...violations.map(({ property, what, at }) => `FAILED at ${secondsOf(at)} ${property}: ${what}`),
      ...(violations.length === 0 ? ["Everything holds."] : []),
    ];
  }

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#terminal.print(line);
  }
}
