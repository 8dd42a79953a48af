/**
 * Programs that are started beside a host: database servers, brokers. Each gets a folder of its own and a free port,
 * and is ended by whoever started it. What one leaves in its folder is there for the next start.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Where Debian keeps what is not on everybody's path. */
const MORE_FOLDERS: readonly string[] = ["/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/sbin"];
/** How often a program is asked whether it is ready, in milliseconds. */
const ASK_MS = 20;
const TAIL_LINES = 20;

/** A program that runs. */
export interface RunningProgram {
  readonly name: string;
  readonly pid: number;
  /** Where what it says is kept. */
  readonly logFile: string;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  readonly isRunning: boolean;
  /** Sends a signal, SIGTERM unless said, and resolves when it has ended; kills it when it takes too long. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sends a signal without waiting: SIGSTOP, SIGCONT, SIGHUP. */
  signal(signal: NodeJS.Signals): void;
}

/** How a program is started. */
export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  /** Where it runs, and keeps its log. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it answers. A rejection counts as no. */
  readonly isReady: () => Promise<boolean>;
  /** How long it may take to answer, in milliseconds; 20,000 unless said. */
  readonly readyMs?: number;
  /** How long it may take to end, in milliseconds; 10,000 unless said. */
  readonly stopMs?: number;
  /** Which user and group it runs as, by number. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** The path of a program, looked for on `PATH` and where Debian keeps servers; undefined when it is not installed. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, ...path, ...MORE_FOLDERS].map((folder) => join(folder, name)).find(isExecutable);
}

/** Folders like `/usr/lib/postgresql/15/bin`, newest first. */
export function versionedFolders(parent: string, child: string): readonly string[] {
  try {
    const versions = readdirSync(parent).filter((name) => /^\d+$/.test(name));
    return versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(parent, version, child));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a program and waits until it answers.
 * @throws when it ends or stays silent instead: with the last lines of what it said.
 */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram> {
  const { name, folder, command, readyMs = 20_000, stopMs = 10_000, user } = options;
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, `${name}.log`);
  const output = openSync(logFile, "a");
  const child = spawn(command, options.arguments, {
    cwd: folder,
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", output, output],
    // Ctrl-C in a terminal is for whoever started the program: it ends it when its time has come.
    detached: true,
    ...user,
  });
  closeSync(output);
  const program = running(name, logFile, child, stopMs);
  const until = performance.now() + readyMs;
  while (!(await options.isReady().catch(() => false))) {
    if (!program.isRunning) throw new Error(`${name} ended instead of starting. It said:\n${tailOf(logFile)}`);
    if (performance.now() > until) {
      await program.stop("SIGKILL");
      throw new Error(`${name} did not answer within ${readyMs} ms. It said:\n${tailOf(logFile)}`);
    }
    await pause(ASK_MS);
  }
  return program;
}

function running(name: string, logFile: string, child: ChildProcess, stopMs: number): RunningProgram {
  let isRunning = true;
  const ended = new Promise<void>((resolve) => {
    const over = (): void => {
      isRunning = false;
      resolve();
    };
    child.once("exit", over);
    child.once("error", over);
  });
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    ended,
    get isRunning() {
      return isRunning;
    },
    async stop(signal = "SIGTERM") {
      if (!isRunning) return;
      child.kill(signal);
      // A stopped process hears of nothing but SIGKILL until it goes on.
      const kill = setTimeout(() => child.kill("SIGKILL"), stopMs);
      await ended;
      clearTimeout(kill);
    },
    signal(signal) {
      if (isRunning) child.kill(signal);
    },
  };
}

/** The last lines of a log. */
export function tailOf(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}
