/** The `isomer` command: reads what it was told, does it, returns the exit code. The machine comes as ports. */
import { type Clock, isFault, sleep } from "../std/mod.ts";
import {
  BadCommand,
  type CredentialsWriter,
  type FleetEngines,
  type FleetSnapshot,
  NoFleet,
  type ProgramSpec,
  SupervisorSilent,
  type Terminal,
  UnknownName,
  askFleet,
  endLeftovers,
  entryAt,
  folderAt,
  loggedInstances,
  readLogs,
} from "../node/fleet/mod.ts";
import { type Command, helpOf, readCommand } from "./arguments.ts";
import { inquire } from "./inquiries.ts";
import { logText } from "./log-text.ts";
import { runFleet } from "./run-fleet.ts";
import { Screen } from "./screen.ts";
import { fleetTable } from "./table.ts";

/** What a fleet needs to know of the system that it runs. */
export interface FleetSystem {
  readonly name: string;
  readonly services: readonly string[];
  /** How those of the services are started that are written in other languages. By service. */
  readonly programs?: Readonly<Record<string, ProgramSpec>>;
  /** The label of the build until it is rolled. */
  readonly version: string;
  /** The servers that it needs, in a folder of the fleet; none unless said. */
  readonly engines?: (folder: string) => Promise<FleetEngines>;
  /** What gives its processes their identity; they get none unless said. */
  readonly credentials?: (folder: string) => Promise<CredentialsWriter>;
  /** Secrets of the system's own for a process with some services. By service. */
  readonly secrets?: (
    folder: string,
  ) => (services: readonly string[]) => Readonly<Record<string, Record<string, string>>>;
}

/** What {@link isomer} takes. */
export interface IsomerOptions {
  /** What stood behind the command's name. */
  readonly arguments: readonly string[];
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** The path of the entry that calls this: processes of a fleet are started with it, by `run`. */
  readonly entry: string;
  /** The system; loaded only when a command needs it. */
  readonly system: () => Promise<FleetSystem>;
  /** Runs one process of a fleet, given the arguments after `run`, until it ends. */
  readonly run: (given: readonly string[]) => Promise<void>;
}

const WATCH_MS = 1_000;

/**
 * Carries a command out. Resolves with the exit code: 0 when it was, 1 when it failed, 2 when it was not understood.
 * `contract` has its own, which say what came of the comparison.
 */
export async function isomer(options: IsomerOptions): Promise<number> {
  const { terminal } = options;
  let command: Command;
  try {
    command = inPlace(readCommand(options.arguments));
  } catch (error) {
    if (!isFault(error)) throw error;
    terminal.error(`${error.message}\n`);
    return 2;
  }
  try {
    if (command.do === "contract") return await contract(command, options);
    await carryOut(command, options);
    return 0;
  } catch (error) {
    // A fault, or what the system says of a file or a port, tells what to do; anything else is a bug, with its stack.
    const isTold = isFault(error) || (error instanceof Error && "code" in error);
    const text = error instanceof Error ? (isTold ? error.message : (error.stack ?? error.message)) : String(error);
    terminal.error(`${text}\n`);
    return BadCommand.is(error) ? 2 : 1;
  }
}

/** With paths that mean the same elsewhere: servers, programs and the supervisor run in other folders than this command. */
function inPlace(command: Command): Command {
  if (!("folder" in command)) return command;
  const placed = { ...command, folder: folderAt(command.folder) };
  return placed.do === "roll" && placed.entry !== undefined ? { ...placed, entry: entryAt(placed.entry) } : placed;
}

/**
 * Compares contracts: 0 when all is compatible, 1 when the order of deployment matters, 2 when somebody breaks, 64 when it
 * was called wrongly.
 */
async function contract({ rest }: Extract<Command, { do: "contract" }>, { terminal }: IsomerOptions): Promise<number> {
  const { CALLED_WRONGLY, contractCommand } = await import("../node/contracts/mod.ts");
  const { exitCode, text } = contractCommand(rest);
  const line = text.endsWith("\n") ? text : `${text}\n`;
  if (exitCode === CALLED_WRONGLY) terminal.error(line);
  else terminal.write(line);
  return exitCode;
}

async function carryOut(command: Exclude<Command, { do: "contract" }>, options: IsomerOptions): Promise<void> {
  const { terminal } = options;
  switch (command.do) {
    case "help":
      return terminal.write(helpOf(command.about));
    case "version":
      return terminal.write(`${(await options.system()).version}\n`);
    case "run":
      return options.run(command.rest);
    case "fleet":
      return runFleet(command, options);
    case "ps":
      return ps(command, options);
    case "logs":
      return logs(command, options);
    case "stop":
      return stop(command, options);
    case "restart":
    case "roll":
    case "scale":
    case "place":
      return change(command, options);
    default: {
      // What is told beside goes where it does not get into what programs read.
      const say = (text: string): void => terminal.error(`${text}\n`);
      const columns = terminal.isLive ? terminal.size.columns : Number.POSITIVE_INFINITY;
      terminal.write(`${await inquire(command, { columns, say })}\n`);
    }
  }
}

type Change = Extract<Command, { do: "restart" | "roll" | "scale" | "place" }>;

/** One that fails ends with a line that says why, and so does its fault: it is told once, as what went wrong. */
async function change({ folder, ...request }: Change, { terminal }: IsomerOptions): Promise<void> {
  let held: string | undefined;
  const tell = (): void => {
    if (held !== undefined) terminal.write(`${held}\n`);
    held = undefined;
  };
  try {
    await askFleet(folder, request, (text) => {
      tell();
      held = text;
      if (!text.includes(" failed: ")) tell();
    });
  } catch (error) {
    if (isFault(error) && held?.endsWith(error.message) === true) held = undefined;
    throw error;
  } finally {
    tell();
  }
}

/** Also ends what is left of a fleet whose supervisor was killed: nobody looks after that any more. */
async function stop({ folder }: Extract<Command, { do: "stop" }>, { terminal, clock }: IsomerOptions): Promise<void> {
  try {
    await askFleet(folder, { do: "stop" }, (text) => terminal.write(`${text}\n`));
  } catch (error) {
    if (!NoFleet.is(error)) throw error;
    const left = await endLeftovers(folder, clock);
    if (left.length === 0) throw error;
    const names = left.map(({ name }) => name).join(", ");
    terminal.write(`its supervisor was killed; ended what it left running: ${names}\n`);
  }
}

async function ps(command: Extract<Command, { do: "ps" }>, { terminal, clock }: IsomerOptions): Promise<void> {
  const { folder, watch, json } = command;
  let snapshot = await askFleet(folder, { do: "ps" });
  if (json) return terminal.write(`${JSON.stringify(snapshot, undefined, 2)}\n`);
  if (!watch || !terminal.isLive) {
    const { columns } = terminal.size;
    // What is no terminal has any width; 120 shows everything that is worth it.
    const width = terminal.isLive ? columns : 120;
    return terminal.write(`${tableText(snapshot, width, terminal.isLive)}\n`);
  }
  const screen = new Screen(terminal, clock, () => snapshot);
  const stop = new AbortController();
  const off = terminal.onStop(() => stop.abort());
  screen.open();
  try {
    while (!stop.signal.aborted) {
      await sleep(clock, WATCH_MS, stop.signal);
      if (!stop.signal.aborted) snapshot = await askFleet(folder, { do: "ps" });
    }
  } finally {
    off();
    screen.close();
  }
}

function tableText(snapshot: FleetSnapshot | undefined, columns: number, isColoured: boolean): string {
  if (snapshot === undefined) return "";
  return fleetTable(snapshot, { columns, rowsMax: Number.POSITIVE_INFINITY, isColoured }).join("\n");
}

async function logs(command: Extract<Command, { do: "logs" }>, { terminal, clock }: IsomerOptions): Promise<void> {
  const { folder, names, follow, lines, json } = command;
  const meant = await meantBy(folder, names);
  const matches = (instance: string): boolean => names.length === 0 || meant.some((is) => is(instance));
  const stop = new AbortController();
  const off = follow ? terminal.onStop(() => stop.abort()) : () => undefined;
  let width = 0;
  const options = { folder, clock, matches, linesMax: lines, ...(follow ? { follow: stop.signal } : {}) };
  for await (const line of readLogs(options)) {
    width = Math.max(width, line.instance.length);
    terminal.write(`${json ? line.text : logText(line, width)}\n`);
  }
  off();
}

/**
 * Which instances each name means: itself, those of its group, those that hold the service now. Without a fleet that
 * answers, the logs are all that there is.
 * @throws {UnknownName} for a name that is none of these; {NoFleet} when there are no logs either.
 */
async function meantBy(folder: string, names: readonly string[]): Promise<readonly ((instance: string) => boolean)[]> {
  const rows = await rowsOf(folder);
  const logged = loggedInstances(folder);
  if (rows.length === 0 && logged.length === 0) throw NoFleet.with({ folder });
  return names.map((name) => {
    const groups = new Set([name, ...rows.filter(({ services }) => services.includes(name)).map(({ group }) => group)]);
    const is = (instance: string): boolean => instance === name || groups.has(instance.replace(/-\d+$/, ""));
    if (![...logged, ...rows.map(({ instance }) => instance)].some(is)) throw UnknownName.with({ name, known: logged });
    return is;
  });
}

async function rowsOf(folder: string): Promise<FleetSnapshot["rows"]> {
  try {
    const snapshot = await askFleet(folder, { do: "ps" });
    return (snapshot?.rows ?? []).filter(({ kind }) => kind !== "engine");
  } catch (error) {
    if (NoFleet.is(error) || SupervisorSilent.is(error)) return [];
    throw error;
  }
}
