/**
 * A service in another language as a process of the fleet. It needs to know nothing of the supervisor: what it is told
 * stands in its environment, and whether it works is seen from outside, by a handshake with its port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ContractSnapshot } from "../../contract/mod.ts";
import { fleetPaths } from "./fleet-file.ts";
import type { HostMessage, SupervisorMessage } from "./host-messages.ts";

/** How calls to a service in another language travel. */
export type ProgramProtocol = "http" | "grpc";

/** How a service in another language is started. */
export interface ProgramSpec {
  /** The program and its arguments; it is looked for as a shell would. */
  readonly command: readonly [string, ...string[]];
  /** Where it is started. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly protocol: ProgramProtocol;
  readonly contract: ContractSnapshot;
}

/** A program that is about to be started. */
export interface Program extends ProgramSpec {
  /** Where it shall listen. */
  readonly port: number;
  /** Whether it has certificates, and so speaks TLS. */
  readonly isSecure: boolean;
}

/** Which process of which fleet a program is. */
export interface ProgramPlace {
  readonly service: string;
  readonly instance: string;
  readonly group: string;
  /** The fleet's folder. */
  readonly folder: string;
  readonly trustDomain: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** A program with its place in a fleet, told to it by its environment. */
export function programOf(spec: ProgramSpec, place: ProgramPlace): Program {
  const { service, instance, group, folder, trustDomain, port, isSecure } = place;
  const environment = {
    ...spec.environment,
    ISOMER_SERVICE: service,
    ISOMER_INSTANCE: instance,
    ISOMER_TRUST_DOMAIN: trustDomain,
    ISOMER_IDENTITY: fleetPaths.identity(folder, instance),
    ISOMER_CONTRACT: fleetPaths.contract(folder, instance),
    ISOMER_ADDRESSES: fleetPaths.addresses(folder),
    ISOMER_DATA: fleetPaths.data(folder, group),
    ISOMER_HOST: HOST,
    ISOMER_PORT: String(port),
  };
  return { ...spec, environment, port, isSecure };
}

const HOST = "127.0.0.1";
/** How often a program that starts, and one that runs, is looked at, in milliseconds. */
const STARTING_MS = 100;
const RUNNING_MS = 2_000;
/** How long a look may take, in milliseconds. */
const LOOK_MS = 2_000;
/** How long the fleet may take to learn that a program takes no further calls, in milliseconds. */
const NOTICE_MS = 1_000;

interface Start {
  /** The file that its output goes to. */
  readonly log: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly listener: { message(message: HostMessage): void; ended(how: string): void };
}

/** What a supervisor does with a process that was started; see `HostProcess`. */
interface StartedProgram {
  readonly pid: number | undefined;
  send(message: SupervisorMessage): boolean;
  signal(signal: NodeJS.Signals): void;
}

/** Starts a program, and looks after it until it ends. */
export function startProgram(program: Program, { log, environment, listener }: Start): StartedProgram {
  const [name, ...words] = program.command;
  const child = spawn(name, words, {
    cwd: program.folder,
    env: { ...environment, ...program.environment },
    // A session of its own, so that Ctrl-C does not reach it. Its input ends when the supervisor does.
    detached: true,
    stdio: ["pipe", log, log],
  });
  child.stdin?.on("error", () => undefined);
  let isOver = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, action: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isOver) action();
    }, ms);
    timers.add(timer);
  };
  const over = (how: string): void => {
    if (isOver) return;
    isOver = true;
    for (const timer of timers) clearTimeout(timer);
    // What it started has nobody to look after it any more.
    signalGroup(child, "SIGKILL");
    listener.ended(how);
  };
  child.once("error", (error) => over(`could not be started (${error.message})`));
  child.once("exit", (code, signal) =>
    over(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
  );
  const look = async (isReady: boolean): Promise<void> => {
    const answers = await doesAnswer(program);
    if (isOver) return;
    if (answers && !isReady)
      listener.message({ type: "ready", [program.protocol === "http" ? "httpPort" : "grpcPort"]: program.port });
    if (answers && child.pid !== undefined) listener.message({ type: "stats", ...usageOf(child.pid) });
    after(isReady || answers ? RUNNING_MS : STARTING_MS, () => void look(isReady || answers));
  };
  after(STARTING_MS, () => void look(false));
  return {
    pid: child.pid,
    send({ type }) {
      // It is told to end by a signal, and finishes what it has begun by itself. It knows nothing that operators ask.
      if (isOver || type !== "drain") return false;
      after(NOTICE_MS, () => listener.message({ type: "drained" }));
      return true;
    },
    signal(signal) {
      if (isOver) return;
      if (signal === "SIGKILL") signalGroup(child, signal);
      else child.kill(signal);
    },
  };
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nobody of it is left.
  }
}

/** Whether the program takes connections: one that is stopped, or is stuck, does not get as far as a handshake. */
function doesAnswer({ port, isSecure }: Program): Promise<boolean> {
  return new Promise((resolve) => {
    const to = { host: HOST, port };
    // It shows no certificate and looks at none: it only wants to know that somebody is there.
    const socket = isSecure
      ? connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ["http/1.1", "h2"] })
      : connect(to);
    const end = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(LOOK_MS, () => end(false));
    socket.on("error", () => end(false));
    socket.once(isSecure ? "secureConnect" : "connect", () => end(true));
  });
}

/** `sysconf(_SC_CLK_TCK)` and the page's size of every Linux that Node runs on. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** The processor time and the memory of a process, as the system says; nought where it does not. */
function usageOf(pid: number): { cpuMs: number; rssBytes: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [user, system, pages] = [fields[11], fields[12], fields[21]].map(Number);
    return { cpuMs: ((user ?? 0) + (system ?? 0)) * TICK_MS, rssBytes: (pages ?? 0) * PAGE_BYTES };
  } catch {
    return { cpuMs: 0, rssBytes: 0 };
  }
}
