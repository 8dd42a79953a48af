/**
 * One process of the fleet: started, listened to, ended. Whoever ends it, it ends once, and says so once.
 *
 * Services are in a session of their own, so that Ctrl-C in a terminal reaches the supervisor alone. Gateways are
 * started as cluster workers, which share a listening socket that no process of the fleet has to hand over: while one
 * gateway takes over from another on the same port, no connection meets a closed one.
 */
import { type ChildProcess, fork } from "node:child_process";
import cluster from "node:cluster";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { fleetPaths } from "./fleet-file.ts";
import { ANSWERS_QUESTIONS, type HostMessage, type SupervisorMessage, hostMessage } from "./host-messages.ts";
import { type Program, startProgram } from "./program.ts";

/** What a process runs: a file of TypeScript, and how people call it. */
export interface Build {
  /** The path of the system's entry: `node <entry> run …` runs one process of it. */
  readonly entry: string;
  /** Shown in the table; changes with each roll. */
  readonly label: string;
}

/** What a process is started with. */
export interface HostSpec {
  /** Its name, unique in the fleet: `orders-1`. */
  readonly instance: string;
  readonly services: readonly string[];
  /** The port of a gateway; without it the process is none. */
  readonly gatewayPort?: number;
  /** Where it is, when that is not the fleet's one zone. */
  readonly zone?: string;
  readonly build: Build;
  /** The fleet's folder. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What runs instead of the build's entry: a service in another language. */
  readonly program?: Program;
}

/** What is heard of a process. */
export interface HostListener {
  message(message: HostMessage): void;
  /** Once; nothing is heard afterwards. */
  ended(how: string): void;
}

/** A process that was started. */
export interface HostProcess {
  readonly pid: number | undefined;
  /** Whether it was sent; not when the process has ended or closed its channel. */
  send(message: SupervisorMessage): boolean;
  /** Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void;
}

/** Starts a process. Its output goes to its log file; a failure to start is told as its end. */
export function startHost(spec: HostSpec, listener: HostListener): HostProcess {
  const log = openLog(fleetPaths.log(spec.folder, spec.instance));
  if (spec.program !== undefined) {
    const started = startProgram(spec.program, { log, environment: environmentOf(spec), listener });
    closeSync(log);
    return started;
  }
  const child = spec.gatewayPort === undefined ? forkService(spec, log) : forkGateway(spec, log);
  closeSync(log);
  let isOver = false;
  const over = (how: string): void => {
    if (isOver) return;
    isOver = true;
    listener.ended(how);
  };
  child.once("error", (error) => over(`could not be started (${error.message})`));
  child.once("exit", (code, signal) =>
    over(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
  );
  child.on("message", (value: unknown) => {
    const message = isOver ? undefined : hostMessage(value);
    if (message !== undefined) listener.message(message);
  });
  return {
    pid: child.pid,
    send(message) {
      // A process that ends right now hears of it no more; its end is told anyway.
      if (isOver || !child.connected) return false;
      child.send(message, () => undefined);
      return true;
    },
    signal(signal) {
      if (!isOver) child.kill(signal);
    },
  };
}

/** The arguments of `run`, as the entry gets them. */
export function runArguments({ services, gatewayPort, instance, folder, build }: HostSpec): string[] {
  return [
    "run",
    ...(services.length === 0 ? [] : ["--services", services.join(",")]),
    ...(gatewayPort === undefined ? [] : ["--gateway", "--port", String(gatewayPort)]),
    ...["--instance", instance, "--fleet", folder, "--version-label", build.label],
  ];
}

function forkService(spec: HostSpec, log: number): ChildProcess {
  return fork(spec.build.entry, runArguments(spec), {
    execArgv: [],
    detached: true,
    env: { ...environmentOf(spec), [ANSWERS_QUESTIONS]: "1" },
    stdio: ["ignore", log, log, "ipc"],
  });
}

function forkGateway(spec: HostSpec, log: number): ChildProcess {
  // The workers accept by themselves: the supervisor is in no request's way.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: spec.build.entry,
    args: runArguments(spec),
    execArgv: [],
    stdio: ["ignore", log, log, "ipc"],
  });
  return cluster.fork({ ...environmentOf(spec), [ANSWERS_QUESTIONS]: "1" }).process;
}

/** What a process finds in its environment: what the supervisor has, and what is meant for it. */
export function environmentOf({ environment }: Pick<HostSpec, "environment">): NodeJS.ProcessEnv {
  // What a test runner tells its children is not meant for ours.
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const compiled = getCompileCacheDir();
  // Known before its first file: otherwise each process would load what strips types, 20 MB, for its entry alone.
  const cache = compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
  return { ...cache, ...own, ...environment };
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSync(path, "a", 0o600);
}
