/**
 * The logs of a fleet's processes: written by them, rotated by the supervisor, read by anybody, also when no fleet runs.
 *
 * A process appends to its file by itself, so its log goes on when the supervisor is stopped or dead. That is why a full
 * file is copied and emptied, not renamed: a line that comes in the microseconds between the two is lost.
 */
import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync } from "node:fs";
import type { Clock } from "../../std/mod.ts";
import { sleep } from "../../std/mod.ts";
import { fleetPaths } from "./fleet-file.ts";
import { loggedInstances } from "./leftovers.ts";

/** How large a log may grow before it is rotated; one older file is kept beside it. */
export const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** How much of the end of a log is looked at for its last lines. */
const TAIL_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const LOOK_MS = 200;

/** Rotates a log that is full: what it held is in the file `….1` then, which is replaced. */
export function rotateLog(path: string, bytesMax: number = LOG_BYTES_MAX): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= bytesMax) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/** A line of a log. */
export interface LogLine {
  readonly instance: string;
  readonly text: string;
}

/** What {@link readLogs} takes. */
export interface ReadLogsOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Which instances' logs; looked at again while following, so that new ones are read, too. */
  readonly matches: (instance: string) => boolean;
  /** How many lines of each log to begin with, at most. */
  readonly linesMax: number;
  /** Goes on with what is written later, until it is aborted. */
  readonly follow?: AbortSignal;
}

/** The lines of some logs: the last ones first, then, if told to follow, each that comes. */
export async function* readLogs(options: ReadLogsOptions): AsyncGenerator<LogLine> {
  const { folder, clock, matches, linesMax, follow } = options;
  const tails = new Map<string, LogTail>();
  let isFirst = true;
  do {
    for (const instance of loggedInstances(folder)) {
      if (!matches(instance)) continue;
      let tail = tails.get(instance);
      if (tail === undefined) {
        tail = new LogTail(fleetPaths.log(folder, instance), isFirst);
        tails.set(instance, tail);
      }
      const lines = tail.read();
      for (const text of isFirst ? lines.slice(-linesMax) : lines) yield { instance, text };
    }
    isFirst = false;
    if (follow !== undefined) await sleep(clock, LOOK_MS, follow);
  } while (follow !== undefined && !follow.aborted);
}

/** Reads a file that grows, and is emptied now and then. */
class LogTail {
  readonly #path: string;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  /** Begins near the end when it was there before, at its beginning when it came since. */
  constructor(path: string, wasThere: boolean) {
    this.#path = path;
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#offset = wasThere ? Math.max(0, size - TAIL_BYTES_MAX) : 0;
  }

  /** The whole lines that came since the last time. */
  read(): readonly string[] {
    let file: number;
    try {
      file = openSync(this.#path, "r");
    } catch {
      return [];
    }
    try {
      const { size } = fstatSync(file);
      if (size < this.#offset) this.#offset = 0;
      const parts = [this.#rest];
      while (this.#offset < size) {
        const part = Buffer.alloc(Math.min(CHUNK_BYTES, size - this.#offset));
        const count = readSync(file, part, 0, part.length, this.#offset);
        if (count === 0) break;
        this.#offset += count;
        parts.push(part.subarray(0, count));
      }
      const all = Buffer.concat(parts);
      const end = all.lastIndexOf("\n") + 1;
      this.#rest = Buffer.from(all.subarray(end));
      return end === 0 ? [] : all.toString("utf8", 0, end - 1).split("\n");
    } finally {
      closeSync(file);
    }
  }
}
