/**
 * What a running fleet looks like in a terminal: the table, drawn again in place, and below it what happened lately.
 * Where lines cannot be written over, what happens is a line each.
 */
import { type Clock, type Timer, toInstant } from "../std/mod.ts";
import type { FleetSnapshot, Terminal } from "../node/fleet/mod.ts";
import { fleetTable } from "./table.ts";

const REDRAW_MS = 500;
const EVENTS_MAX = 6;
/** So many lines are kept however many rows the table has: what a change or an end is at is said nowhere else. */
const EVENTS_MIN = 2;
const EVENTS_KEPT = 20;
const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";
/** Clears from the cursor to the end of the line, or of the screen. */
const CLEAR_LINE = "\u001B[K";
const CLEAR_BELOW = "\u001B[J";

/** Shows a fleet until it is closed. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #snapshot: () => FleetSnapshot | undefined;
  #events: readonly string[] = [];
  #drawn = 0;
  #timer: Timer | undefined;

  constructor(terminal: Terminal, clock: Clock, snapshot: () => FleetSnapshot | undefined) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#snapshot = snapshot;
  }

  /** Begins to draw; does nothing where lines cannot be written over. */
  open(): void {
    if (!this.#terminal.isLive) return;
    this.#terminal.write(HIDE_CURSOR);
    this.#terminal.onResize(() => {
      // What was drawn is wrapped differently now: begin on an empty screen.
      this.#terminal.write(`\u001B[H${CLEAR_BELOW}`);
      this.#drawn = 0;
    });
    this.#tick();
  }

  /** Shows that something happened. */
  say(text: string): void {
    const line = `${timeOf(this.#clock.now())} ${text}`;
    if (!this.#terminal.isLive) return this.#terminal.write(`${line}\n`);
    this.#events = [...this.#events, line].slice(-EVENTS_KEPT);
  }

  /** Leaves the table as it is now; or, of a fleet that is gone, only what happened last. */
  close({ keepsTable = true }: { readonly keepsTable?: boolean } = {}): void {
    if (!this.#terminal.isLive) return;
    this.#timer?.cancel();
    if (keepsTable) this.#draw();
    else this.#write(this.#events.slice(-EVENTS_MAX));
    this.#terminal.write(SHOW_CURSOR);
  }

  #tick(): void {
    this.#draw();
    this.#timer = this.#clock.after(REDRAW_MS, () => this.#tick());
  }

  #draw(): void {
    const snapshot = this.#snapshot();
    if (snapshot === undefined) return;
    const { columns, rows } = this.#terminal.size;
    // One line less than there is, or the terminal would scroll at the last line's end.
    const room = Math.max(4, rows - 1);
    const events = this.#events.map((event) => wrapped(event, columns - 1));
    // What happened last is seen whole: it may say what went wrong, and where to look.
    const kept = Math.min(EVENTS_MAX, Math.max(events.at(-1)?.length ?? 0, Math.min(EVENTS_MIN, events.length)));
    const rowsMax = Math.max(4, room - (kept === 0 ? 0 : kept + 1));
    const table = fleetTable(snapshot, { columns, rowsMax, isColoured: true });
    const space = Math.min(EVENTS_MAX, room - table.length - 1);
    this.#write(space > 0 ? [...table, "", ...lastOf(events, space)] : table);
  }

  /** Writes lines over what was drawn before. */
  #write(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? "" : `\u001B[${this.#drawn}A`;
    this.#terminal.write(`${up}\r${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`);
    this.#drawn = lines.length;
  }
}

/** The last lines that there is room for; of an event that has more lines, the first. */
function lastOf(events: readonly (readonly string[])[], space: number): readonly string[] {
  let lines: readonly string[] = [];
  for (const event of events.toReversed()) {
    const room = space - lines.length;
    if (room === 0) break;
    const isCut = event.length > room;
    const shown = event.slice(0, room).map((line, n) => (isCut && n === room - 1 ? `${line.slice(0, -1)}…` : line));
    lines = [...shown, ...lines];
  }
  return lines;
}

/** What follows the first line stands below the text, behind the time. */
const INDENT = " ".repeat("12:34:56 ".length);

/** A text in lines of so many characters, broken between words where that is possible. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const end = space > INDENT.length ? space : width;
    lines.push(rest.slice(0, end).join(""));
    rest = [...INDENT, ...rest.slice(rest[end] === " " ? end + 1 : end)];
  }
  return [...lines, rest.join("")];
}

function timeOf(epochMs: number): string {
  return toInstant(epochMs).slice(11, 19);
}
