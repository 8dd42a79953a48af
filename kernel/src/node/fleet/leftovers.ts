/**
 * What a supervisor leaves behind when it is killed: processes and servers that go on without it.
 *
 * Across a crash: the file of process ids is replaced at each start and end of a process. An id is kept with the moment
 * that its process started, so that a process that got the same id later is not mistaken for it.
 */
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, sleep } from "../../std/mod.ts";
import { t, validator } from "../../schema/mod.ts";
import { lockFolder } from "../sqlite/folder-lock.ts";
import { fleetPaths, replaceFile } from "./fleet-file.ts";

const Pids = t.array(
  t.object({
    name: t.text(),
    pid: t.integer({ minimum: 2 }),
    /** When the process started, in ticks since the machine did; null where the system does not say. */
    startedAt: t.nullable(t.text()),
  }),
  { maxItems: 2_000 },
);
const pids = validator(Pids, "file of process ids");
const LOOK_MS = 50;
/** How long processes of a supervisor that was killed may take to end by themselves, unless said. */
export const PATIENCE_MS = 30_000;

/** A process that the supervisor started. */
export interface KnownProcess {
  readonly name: string;
  readonly pid: number;
}

/** Keeps on disk which processes run now. */
export function keepPids(folder: string, processes: readonly KnownProcess[]): void {
  const known = processes.map(({ name, pid }) => ({ name, pid, startedAt: startOf(pid) ?? null }));
  replaceFile(fleetPaths.pids(folder), JSON.stringify(known));
}

/**
 * Ends what an earlier supervisor of this folder left running, and takes away what it told its processes. Those end by
 * themselves when their supervisor is gone; one that has not within `patienceMs` is killed. Returns what it ended.
 */
export async function cleanUp(folder: string, clock: Clock, patienceMs: number): Promise<readonly KnownProcess[]> {
  const left = leftRunning(folder);
  for (const { pid } of left) signal(pid, "SIGTERM");
  const until = clock.monotonicMs() + patienceMs;
  while (left.some(isSame) && clock.monotonicMs() < until) await sleep(clock, LOOK_MS);
  for (const known of left) if (isSame(known)) signal(known.pid, "SIGKILL");
  while (left.some(isSame)) await sleep(clock, LOOK_MS);
  rmSync(fleetPaths.pids(folder), { force: true });
  rmSync(dirname(fleetPaths.instance(folder, "any")), { recursive: true, force: true });
  return left;
}

/**
 * Ends what a supervisor that was killed left running, for whoever does not want the fleet back. Returns what it ended;
 * nothing where none ran. @throws {FolderInUse} where a fleet runs.
 */
export async function endLeftovers(
  folder: string,
  clock: Clock,
  patienceMs: number = PATIENCE_MS,
): Promise<readonly KnownProcess[]> {
  if (leftRunning(folder).length === 0) return [];
  const lock = lockFolder(folder);
  try {
    return await cleanUp(folder, clock, patienceMs);
  } finally {
    lock.release();
  }
}

interface LeftProcess extends KnownProcess {
  readonly startedAt: string | null;
}

function leftRunning(folder: string): readonly LeftProcess[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(fleetPaths.pids(folder), "utf8"));
  } catch {
    return [];
  }
  return pids.check(value) ? value.filter(isSame) : [];
}

/** Whether the process still runs, and is the one that was started then. Without a moment to compare it is not touched. */
function isSame({ pid, startedAt }: LeftProcess): boolean {
  return startedAt !== null && startOf(pid) === startedAt;
}

/** When a process started, by the system's own count; undefined when it is gone, dead, or the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    return state === "Z" || state === "X" ? undefined : `${bootOf()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

let boot: string | undefined;
function bootOf(): string {
  return (boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

/** The instances that have a log in a fleet's folder, in the order of their names. */
export function loggedInstances(folder: string): readonly string[] {
  try {
    const names = readdirSync(dirname(fleetPaths.log(folder, "any")));
    return names
      .filter((name) => name.endsWith(".log"))
      .map((name) => name.slice(0, -".log".length))
      .toSorted();
  } catch {
    return [];
  }
}
