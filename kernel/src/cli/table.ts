/** A fleet as a table that fits a terminal. Pure: a snapshot and a width make lines. */
import type { FleetRow, FleetSnapshot } from "../node/fleet/mod.ts";
import { durationText, latencyText, rateText, sizeText } from "./amounts.ts";

/** How a table is drawn. */
export interface TableOptions {
  readonly columns: number;
  /** Lines that there is room for; the table says how many more there are. */
  readonly rowsMax: number;
  /** Whether states are coloured. */
  readonly isColoured: boolean;
}

interface Column {
  readonly title: string;
  readonly text: (row: FleetRow) => string;
  readonly align: "left" | "right";
  /** Its least width, so that the table does not jump about. */
  readonly width: number;
  /** Columns with a higher rank are left out first when there is no room; those of rank 0 never. */
  readonly rank: number;
}

const some = (value: number | undefined, text: (value: number) => string): string =>
  value === undefined ? "-" : text(value);
const left = { align: "left" } as const;
const right = { align: "right" } as const;

const COLUMNS: readonly Column[] = [
  { title: "INSTANCE", ...left, width: 10, rank: 0, text: ({ instance }) => instance },
  { title: "PID", ...right, width: 7, rank: 4, text: ({ pid }) => some(pid, String) },
  { title: "STATE", ...left, width: 10, rank: 0, text: ({ state }) => state },
  { title: "UP", ...right, width: 6, rank: 2, text: ({ upMs }) => some(upMs, durationText) },
  { title: "RST", ...right, width: 3, rank: 0, text: ({ restarts }) => (restarts === 0 ? "" : String(restarts)) },
  { title: "CALL/S", ...right, width: 6, rank: 0, text: ({ callsPerSecond }) => some(callsPerSecond, rateText) },
  { title: "ERR/S", ...right, width: 5, rank: 0, text: ({ faultsPerSecond }) => some(faultsPerSecond, rateText) },
  { title: "P50", ...right, width: 4, rank: 1, text: ({ p50Ms }) => some(p50Ms, latencyText) },
  { title: "P99", ...right, width: 4, rank: 0, text: ({ p99Ms }) => some(p99Ms, latencyText) },
  { title: "CPU%", ...right, width: 4, rank: 1, text: ({ cpu }) => some(cpu, (n) => String(Math.round(n * 100))) },
  { title: "RSS", ...right, width: 4, rank: 1, text: ({ rssBytes }) => some(rssBytes, sizeText) },
  { title: "VERSION", ...left, width: 7, rank: 3, text: ({ version }) => version },
  { title: "", ...left, width: 12, rank: 5, text: detailOf },
];

/** From this width on, columns are two spaces apart. */
const WIDE = 100;
const ORDER = { gateway: 0, service: 1, engine: 2 } as const;
const PAINT = { green: "\u001B[32m", yellow: "\u001B[33m", red: "\u001B[31m", dim: "\u001B[2m", bold: "\u001B[1m" };
const PLAIN = "\u001B[0m";

/** The lines of the table: what the fleet is, a title line, a line for each process and server. */
export function fleetTable(snapshot: FleetSnapshot, options: TableOptions): readonly string[] {
  const { columns, rowsMax, isColoured } = options;
  const rows = snapshot.rows.toSorted((one, other) => ORDER[one.kind] - ORDER[other.kind]);
  const paint = (text: string, colour: keyof typeof PAINT): string =>
    isColoured ? `${PAINT[colour]}${text}${PLAIN}` : text;
  const layout = layoutOf(rows, columns);
  const gap = gapOf(columns);
  const lineOf = (cell: (column: Column, width: number) => string): string =>
    layout.map(({ column, width }) => cell(column, width)).join(gap);
  const room = Math.max(1, rowsMax - 3);
  const shown = rows.length > room ? mostNeeded(rows, Math.max(1, room - 1)) : rows;
  const more = rows.length - shown.length;
  return [
    ...heading(snapshot, columns).map((line, n) => (n === 0 ? paint(line, "bold") : line)),
    paint(lineOf((column, width) => aligned(column, column.title, width)).trimEnd(), "dim"),
    ...shown.map((row) =>
      lineOf((column, width) => {
        const text = aligned(column, column.text(row), width);
        return column.title === "STATE" ? paint(text, colourOf(row.state)) : text;
      }).trimEnd(),
    ),
    ...(more === 0 ? [] : [paint(`… and ${more} more: isomer ps`, "dim")]),
  ];
}

/** So many of the rows, in their order: where not all have room, those that are well are left out first, servers before services. */
function mostNeeded(rows: readonly FleetRow[], count: number): readonly FleetRow[] {
  const isWell = ({ state }: FleetRow): number => (colourOf(state) === "green" ? 1 : 0);
  const kept = new Set(rows.toSorted((one, other) => isWell(one) - isWell(other)).slice(0, count));
  return rows.filter((row) => kept.has(row));
}

/** Two lines, so that the addresses never move the table. */
function heading({ system, gateways, rows, change }: FleetSnapshot, columns: number): readonly string[] {
  const processes = rows.filter(({ kind }) => kind !== "engine");
  const ready = processes.filter(({ state }) => state === "ready").length;
  const calls = sum(rows.filter(({ kind }) => kind === "gateway").map(({ callsPerSecond = 0 }) => callsPerSecond));
  const rss = sum(rows.map(({ rssBytes = 0 }) => rssBytes));
  const cpu = sum(rows.map(({ cpu: part = 0 }) => part));
  const parts = [
    system,
    `${ready} of ${processes.length} ready`,
    // Before what can be read below: the end is cut off where there is no room.
    ...(change === undefined ? [] : [change]),
    `${rateText(calls)} requests/s`,
    `${Math.round(cpu * 100)} % CPU`,
    sizeText(rss),
  ];
  return [cut(parts.join("  ·  "), columns), cut(gateways.join("  "), columns)];
}

interface Placed {
  readonly column: Column;
  readonly width: number;
}

/** The columns that there is room for, and how wide each is. */
function layoutOf(rows: readonly FleetRow[], columns: number): readonly Placed[] {
  const gap = gapOf(columns).length;
  let placed = COLUMNS.map((column) => ({ column, width: naturalWidth(column, rows) }));
  const widthOf = (list: readonly Placed[]): number => sum(list.map(({ width }) => width)) + gap * (list.length - 1);
  const last = placed.length - 1;
  // The last column takes what is left, so it needs room for its least width only.
  placed = placed.map((each, n) => (n === last ? { ...each, width: each.column.width } : each));
  while (widthOf(placed) > columns) {
    const rank = Math.max(...placed.map(({ column }) => column.rank));
    const drop = placed.findLastIndex(({ column }) => column.rank === rank);
    if (rank === 0) break;
    placed = placed.filter((_, n) => n !== drop);
  }
  const over = widthOf(placed) - columns;
  return placed.map(({ column, width }, n) => {
    // A long name gives way when nothing else can.
    if (n === 0 && over > 0) return { column, width: Math.max(column.width, width - over) };
    return column.title === "" ? { column, width: width - over } : { column, width };
  });
}

function naturalWidth({ title, text, width }: Column, rows: readonly FleetRow[]): number {
  return Math.max(width, title.length, ...rows.map((row) => text(row).length));
}

function gapOf(columns: number): string {
  return columns >= WIDE ? "  " : " ";
}

/** What else is worth saying: why it waits, else what is in the process, else where it is, and what it is if not ours. */
function detailOf({ note, services, address = "", program }: FleetRow): string {
  if (note !== undefined) return note;
  if (program !== undefined) return `${address} ${program}`.trimStart();
  return services.length > 1 ? services.join(", ") : address;
}

function colourOf(state: string): keyof typeof PAINT {
  if (state === "ready" || state === "running") return "green";
  return state === "crash loop" || state === "down" || state === "silent" ? "red" : "yellow";
}

function aligned({ align }: Column, text: string, width: number): string {
  const short = cut(text, width);
  return align === "left" ? short.padEnd(width) : short.padStart(width);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
