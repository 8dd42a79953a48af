/** The terminal of who runs a simulation by hand. */
import { writeSync } from "node:fs";

/** Where a command writes. */
export interface Terminal {
  /** Whether a line can be written over. */
  readonly isTty: boolean;
  print(line: string): void;
  /** Shows how far something is: over the last such line, where that is possible. */
  progress(line: string): void;
}

const OUT = 1;
const LATER_MS = 5_000;
const OFTEN_MS = 100;
/** How long a full pipe is left alone, in milliseconds. */
const FULL_MS = 5;
const FOREVER = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of a text: a pipe whose reader is slow takes some of it at a time, and says that it is full. */
function write(text: string): void {
  for (let left: Uint8Array = new TextEncoder().encode(text); left.length > 0;) {
    try {
      left = left.subarray(writeSync(OUT, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(FOREVER, 0, 0, FULL_MS);
    }
  }
}

/** The terminal of this process. Where lines cannot be written over, progress is told now and then. */
export function realTerminal(): Terminal {
  const isTty = process.stdout.isTTY;
  let shown = false;
  let toldMs = -Infinity;
  return {
    isTty,
    print(line) {
      if (shown) write("\r\u001b[2K");
      shown = false;
      write(`${line}\n`);
    },
    progress(line) {
      const now = performance.now();
      if (now - toldMs < (isTty ? OFTEN_MS : LATER_MS)) return;
      toldMs = now;
      if (isTty) write(`\r\u001b[2K${line.slice(0, process.stdout.columns - 1)}`);
      else write(`${line}\n`);
      shown = isTty;
    },
  };
}
