/** Looks for a mutant in a process of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Finding, Order } from "./finding.ts";

const HOOK = new URL("./hook.ts", import.meta.url).href;
const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
/** How long a process may take for what it began in time. */
const GRACE_MS = 120_000;

/** Runs seeds of the shop with a mutant in it; without one, of the shop as it is. @throws {Error} when the process fails. */
export async function search(mutant: string | undefined, order: Order): Promise<Finding> {
  const imports = mutant === undefined ? [] : ["--import", HOOK];
  const child = spawn(process.execPath, [...imports, CHILD, JSON.stringify(order)], {
    env: { ...process.env, ISOMER_MUTANT: mutant ?? "", NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: order.timeMs + GRACE_MS,
  });
  let out = "";
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (complaints += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0 || out === "")
    throw new Error(`${mutant ?? "The shop as it is"}: the process ended with ${code}.\n${complaints.slice(0, 2_000)}`);
  return JSON.parse(out) as Finding;
}

/** Does something with each of a list, a few at a time. */
export async function eachOf<T>(list: readonly T[], width: number, action: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = list[next++]; item !== undefined; item = list[next++]) await action(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
