/** The `isomer` command: reads what it was told, does it, returns the exit code. The machine comes as ports. */
import { type Clock, isFault, sleep } from "../std/mod.ts";
import {
  BadCommand,
  type CredentialsWriter,
  type FleetEngines,
  type FleetSnapshot,
  GATEWAY,
  NoFleet,
  type Terminal,
  askFleet,
  readLogs,
} from "../node/fleet/mod.ts";
import { type Command, HELP, readCommand } from "./arguments.ts";
import { logText } from "./log-text.ts";
import { runFleet } from "./run-fleet.ts";
import { Screen } from "./screen.ts";
import { fleetTable } from "./table.ts";

/** What a fleet needs to know of the system that it runs. */
export interface FleetSystem {
  readonly name: string;
  readonly services: readonly string[];
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

/** Carries a command out. Resolves with the exit code: 0 when it was, 1 when it failed, 2 when it was not understood. */
export async function isomer(options: IsomerOptions): Promise<number> {
  const { terminal } = options;
  let command: Command;
  try {
    command = readCommand(options.arguments);
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
    return 1;
  }
}

/** Compares contracts: 0 when all is compatible, 1 when the order of deployment matters, 2 when somebody breaks. */
async function contract({ rest }: Extract<Command, { do: "contract" }>, { terminal }: IsomerOptions): Promise<number> {
  const [what, ...words] = rest;
  if (what !== "diff") throw BadCommand.with({ detail: 'There is "isomer contract diff <old> <new> [--json]".' });
  const { contractDiff } = await import("../node/contracts/mod.ts");
  const { exitCode, text } = contractDiff(words);
  terminal.write(text.endsWith("\n") ? text : `${text}\n`);
  return exitCode;
}

async function carryOut(command: Exclude<Command, { do: "contract" }>, options: IsomerOptions): Promise<void> {
  const { terminal } = options;
  switch (command.do) {
    case "help":
      return terminal.write(HELP);
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
    case "restart":
    case "roll":
    case "scale":
    case "place": {
      const { folder, ...request } = command;
      await askFleet(folder, request, (text) => terminal.write(`${text}\n`));
    }
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
  const groups = await groupsOf(folder, names);
  const matches = (instance: string): boolean =>
    names.length === 0 || names.includes(instance) || groups.has(instance.replace(/-\d+$/, ""));
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

/** The groups that names mean: a service's group while the fleet runs; without one, a name is a group. */
async function groupsOf(folder: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const groups = new Set(names);
  if (names.every((name) => name === GATEWAY)) return groups;
  try {
    const snapshot = await askFleet(folder, { do: "ps" });
    for (const { group, services } of snapshot?.rows ?? [])
      if (services.some((service) => names.includes(service))) groups.add(group);
  } catch (error) {
    if (!NoFleet.is(error)) throw error;
  }
  return groups;
}
