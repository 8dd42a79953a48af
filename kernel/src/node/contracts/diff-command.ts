/** `isomer contract diff <old> <new>`: whether two versions of contracts can be deployed, and in which order. */
import { type ContractPlan, contractPlan, contractReport } from "../../contract/mod.ts";
import { readSnapshots } from "./files.ts";

/** What a command ends with. */
export interface CommandResult {
  /** 0 compatible, 1 needs an order, 2 breaking, 64 called wrongly. */
  readonly exitCode: number;
  /** What it says, for the standard output; for the standard error when it was called wrongly. */
  readonly text: string;
}

const USAGE = `isomer contract diff <old> <new> [--json]

Compares snapshots of contracts: two files, or two folders of them (npm run contracts writes the shop's).
Ends with 0 when old and new builds understand one another, 1 when they do in the order of deployment
that it tells, 2 when there is no such order.`;
/** The exit code of a command that was called wrongly, by the custom of sysexits.h: 2 says that somebody breaks. */
export const CALLED_WRONGLY = 64;
const EXIT_CODES: Readonly<Record<ContractPlan["verdict"], number>> = { compatible: 0, ordered: 1, breaking: 2 };

/** Carries out what stands after `contract`: `diff`, or the question how it is called. */
export function contractCommand([what, ...words]: readonly string[]): CommandResult {
  if ([what, ...words].some((word) => word === "--help" || word === "-h")) return { exitCode: 0, text: USAGE };
  return what === "diff" ? contractDiff(words) : { exitCode: CALLED_WRONGLY, text: USAGE };
}

/** Carries the command out, given its words after `contract diff`. Reads files, writes nothing. */
export function contractDiff(words: readonly string[]): CommandResult {
  const paths = words.filter((word) => !word.startsWith("--"));
  const unknown = words.find((word) => word.startsWith("--") && word !== "--json");
  const [old, next, more] = paths;
  if (old === undefined || next === undefined || more !== undefined || unknown !== undefined)
    return {
      exitCode: CALLED_WRONGLY,
      text: unknown === undefined ? USAGE : `There is no option ${unknown}.\n${USAGE}`,
    };
  let plan: ContractPlan;
  try {
    plan = contractPlan(readSnapshots(old), readSnapshots(next));
  } catch (error) {
    return { exitCode: CALLED_WRONGLY, text: error instanceof Error ? error.message : String(error) };
  }
  const text = words.includes("--json") ? JSON.stringify(plan, undefined, 2) : contractReport(plan);
  return { exitCode: EXIT_CODES[plan.verdict], text };
}
