/**
 * Lines to standard output, by whoever must not die of it. A file on a full disk takes nothing for a while: lines are
 * lost then, and how many is said when there is room again.
 */
import { fstatSync, writeSync } from "node:fs";

const STANDARD_OUTPUT = 1;

/** Takes lines, each with its line feed. */
export type WriteLine = (line: string) => void;

/** What writes to standard output. A terminal or a pipe is left to Node; a file is written at once. */
export function standardOutput(): WriteLine {
  return fstatSync(STANDARD_OUTPUT).isFile()
    ? fileWriter((text) => writeSync(STANDARD_OUTPUT, text))
    : (line) => void process.stdout.write(line);
}

/** Writes lines to a file that may be full. `write` returns how many bytes it took. */
export function fileWriter(write: (text: Uint8Array) => number): WriteLine {
  let lost = 0;
  /** Whether the last line was cut: the next one begins with a line feed then. */
  let isCut = false;
  const put = (text: string): boolean => {
    let rest = Buffer.from(isCut ? `\n${text}` : text);
    try {
      while (rest.length > 0) {
        const taken = write(rest);
        isCut = taken < rest.length;
        rest = rest.subarray(taken);
      }
      return true;
    } catch {
      return false;
    }
  };
  return (line) => {
    if (lost > 0) {
      const message = { time: new Date().toISOString(), level: "error", message: "lines of the log were lost", lost };
      if (!put(`${JSON.stringify(message)}\n`)) return void (lost += 1);
      lost = 0;
    }
    if (!put(line)) lost += 1;
  };
}
