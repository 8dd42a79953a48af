/** What processes use, as the kernel of Linux counts it. */
import { readFileSync, readdirSync } from "node:fs";

/** Processor time and memory of some processes together. */
export interface ProcessUsage {
  /** Milliseconds of a core, since the processes started. */
  readonly cpuMs: number;
  /** Resident bytes; what processes share counts in each of them. */
  readonly rssBytes: number;
}

/** A hundred of these are a second, on every Linux that runs Node. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** Adds up processes and all that they started. */
export function usageOf(pids: readonly number[]): ProcessUsage {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.flatMap((pid) => statOf(Number(pid)) ?? []).map(({ pid, parent }) => [pid, parent]));
  const wanted = new Set(pids);
  for (let grew = true; grew;) {
    grew = false;
    for (const [pid, parent] of parents) {
      if (wanted.has(pid) || !wanted.has(parent)) continue;
      wanted.add(pid);
      grew = true;
    }
  }
  const stats = [...wanted].flatMap((pid) => statOf(pid) ?? []);
  return {
    cpuMs: stats.reduce((sum, { ticks }) => sum + ticks, 0) * TICK_MS,
    rssBytes: stats.reduce((sum, { pages }) => sum + pages, 0) * PAGE_BYTES,
  };
}

/** Fields of `/proc/<pid>/stat` (proc(5)), with the time of children that ended; undefined when it is gone. */
function statOf(pid: number): { pid: number; parent: number; ticks: number; pages: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [parent = 0, ...rest] = fields.slice(1);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = rest.slice(9, 13);
    return { pid, parent, ticks: user + system + childUser + childSystem, pages: rest[19] ?? 0 };
  } catch {
    return undefined;
  }
}
