/** Runs a file of journeys in a process of its own, in another arrangement. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ARRANGEMENTS } from "../arrangement.ts";

/** What came of it. */
export interface JourneysMade {
  /** How many tests passed. */
  readonly passed: number;
  /** What the run said. */
  readonly output: string;
}

/** Runs `<journey>.test.ts`. Rejects with what it said when a test failed, was skipped, or none ran. */
export function runJourneys(
  journey: string,
  arrangement: (typeof ARRANGEMENTS)[number],
  more: Readonly<Record<string, string>> = {},
): Promise<JourneysMade> {
  const file = fileURLToPath(new URL(`./${journey}.test.ts`, import.meta.url));
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, ["--test", "--test-reporter=spec", file], {
    env: { ...environment, ...more, SHOP_ARRANGEMENT: arrangement },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const count = (word: string): number => Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
      const passed = count("pass");
      if (code === 0 && passed > 0 && count("skipped") === 0) resolve({ passed, output });
      else reject(new Error(`The journeys of ${journey} failed in the arrangement "${arrangement}":\n${output}`));
    });
  });
}
