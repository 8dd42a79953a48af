/** Coverage as a table for people. */
import { AREAS, type Area, type Coverage, type Reached } from "./coverage.ts";

/** The columns of areas in which different things happen to the same subjects. Others are lists. */
const COLUMNS: Partial<Record<Area, readonly string[]>> = {
  steps: ["done", "failed", "unanswered", "late", "doubled", "repeated", "crashed", "unknown", "undone"],
  operations: ["called", "failed", "request lost", "answer lost", "late", "doubled", "crashed"],
};
const TITLES: Record<Area, string> = {
  faults: "Faults that happened",
  steps: "Steps of sagas",
  sagas: "Sagas by their end",
  operations: "Calls between machines",
  transactions: "Transactions, and what happened to them",
  notes: "Noted by actors",
};
/** What most runs are full of is left out of a short table. */
const SHORT: readonly Area[] = ["faults", "steps", "sagas", "notes"];
const WIDTH = 116;

/** The lines of a table: faults, steps, sagas and notes; with `isLong` operations and transactions, too. */
export function coverageTable(coverage: Coverage, isLong = false): readonly string[] {
  const areas = (isLong ? AREAS : SHORT).filter((area) => Object.keys(coverage.areas[area]).length > 0);
  return areas.flatMap((area) => {
    const reached = coverage.areas[area];
    const columns = COLUMNS[area];
    const lines = columns === undefined ? listOf(reached) : tableOf(reached, columns);
    return [TITLES[area], ...lines.map((line) => `  ${line}`), ""];
  });
}

function tableOf(reached: Reached, columns: readonly string[]): readonly string[] {
  const width = Math.max(...Object.keys(reached).map((name) => name.length));
  const row = (name: string, cells: readonly string[]): string =>
    [name.padEnd(width), ...cells.map((cell, n) => cell.padStart(Math.max(6, columns[n]?.length ?? 0)))].join("  ");
  const rows = Object.entries(reached).map(([name, whats]) =>
    row(
      name,
      columns.map((column) => (whats[column] === undefined ? "." : String(whats[column]))),
    ),
  );
  return [row("", columns), ...rows];
}

/** `name 12  other 3 …`, as many as fit on a line. */
function listOf(reached: Reached): readonly string[] {
  const entries = Object.entries(reached).map(([name, whats]) => {
    const told = Object.entries(whats);
    const [first] = told;
    // Where there is one thing only that can happen, its name says nothing.
    if (told.length === 1 && first !== undefined && ["happened", "noted"].includes(first[0]))
      return `${name} ${first[1]}`;
    return `${name}: ${told.map(([what, times]) => `${what} ${times}`).join(", ")}`;
  });
  const lines: string[] = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + entry.length <= WIDTH) lines[lines.length - 1] = `${last} · ${entry}`;
    else lines.push(entry);
  }
  return lines;
}
