/** How far a batch is, and what came of it, as lines for people. */
import { coverageTable } from "../batch/coverage-table.ts";
import type { Difference } from "../batch/difference.ts";
import type { SeedOutcome } from "../batch/outcome.ts";
import type { BatchProgress, BatchResult } from "../batch/run-batch.ts";

const FAILURES_TOLD = 10;
const WHAT_MAX = 300;

/** One line: how far, how fast, how long still. */
export function progressLine(progress: BatchProgress): string {
  const { done, planned, transactions, failures, differences, elapsedMs } = progress;
  const seconds = Math.max(0.001, elapsedMs / 1_000);
  const left = done === 0 ? 0 : (seconds / done) * (planned - done);
  const wrong = failures.length === 0 ? "no failure" : `${failures.length} failures`;
  return [
    `${done} of ${planned} runs (${(done / seconds).toFixed(1)}/s)`,
    `${Math.round(transactions / seconds)} transactions/s`,
    differences === 0 ? wrong : `${wrong}, ${differences} not the same twice`,
    `${timeOf(seconds)}, ${timeOf(left)} left`,
  ].join(" · ");
}

/** The lines that end a batch. `replay` gives the command for a run. */
export function batchLines(result: BatchResult, replay: (outcome: SeedOutcome) => string, isLong: boolean): string[] {
  const { seeds, kept, repeated, jobs, elapsedMs, transactions, faults, crashes } = result;
  const seconds = elapsedMs / 1_000;
  const lines = [...coverageTable(result.coverage, isLong)];
  for (const outcome of result.failures.slice(0, FAILURES_TOLD)) {
    const [first] = outcome.violations;
    lines.push(`FAILED seed ${outcome.task.seed}: ${first?.property ?? ""}: ${(first?.what ?? "").slice(0, WHAT_MAX)}`);
    lines.push(`       ${replay(outcome)}`);
  }
  if (result.failures.length > FAILURES_TOLD) lines.push(`… and ${result.failures.length - FAILURES_TOLD} more`);
  for (const difference of result.differences) lines.push(...differenceLines(difference));
  for (const what of result.missing) lines.push(`NOT REACHED ${what}`);
  const summary = [
    `${seeds} seeds${kept > 0 ? ` and ${kept} kept cases` : ""} in ${timeOf(seconds)} on ${jobs} cores`,
    `${Math.round(transactions / seconds)} transactions/s`,
    `${faults} faults, ${crashes} crashes`,
    repeated > 0 ? `${repeated} repetitions were identical` : "none was repeated",
  ].join(" · ");
  lines.push(summary, result.ok ? "All is well." : "Not all is well.");
  return lines;
}

/** Where two runs of one seed went apart, as lines for people. */
export function differenceLines({ seed, when, first }: Difference): readonly string[] {
  const head = `NOT THE SAME TWICE seed ${seed}, ${when}`;
  if (first === undefined) return [`${head}; run once more, the histories were equal.`];
  return [
    `${head}: from event ${first.index} on`,
    ...first.before.map((line) => `         ${line}`),
    `     one ${first.one ?? "(ends)"}`,
    `   other ${first.other ?? "(ends)"}`,
  ];
}

function timeOf(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, "0")} s`;
}
