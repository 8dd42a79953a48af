/** A sequence diagram as data, and as text and Mermaid. */
import type { SimEvent } from "../history.ts";
import { labelOf, secondsOf } from "./telling.ts";

/** Something in a diagram, in the order of time. */
export type DiagramItem =
  /** An arrow. `isLost` when it does not get there; `isAnswer` when it goes back. */
  | {
      readonly kind: "message";
      readonly time: string;
      readonly from: string;
      readonly to: string;
      readonly label: string;
      readonly isLost: boolean;
      readonly isAnswer: boolean;
      /** Whether an answer is a failure. */
      readonly isBad: boolean;
      readonly body?: string;
    }
  /** Something at one party. */
  | {
      readonly kind: "mark";
      readonly time: string;
      readonly at: string;
      readonly of: "commit" | "crash" | "start" | "arrival" | "other";
      readonly label: string;
      readonly body?: string;
    }
  /** Something that concerns everybody. */
  | { readonly kind: "band"; readonly time: string; readonly of: "fault" | "violation"; readonly label: string };

/** A sequence diagram. */
export interface Diagram {
  /** Parties: those outside, then the others in the order of their first appearance. */
  readonly parties: readonly string[];
  readonly items: readonly DiagramItem[];
}

/** An arrival later than this after its sending is told, in milliseconds. */
const LATE_MS = 20;

/** Draws events. */
export function diagramOf(events: readonly SimEvent[]): Diagram {
  const losses = new Map<number, SimEvent[]>();
  for (const event of events)
    if (event.kind === "lost") losses.set(event.exchange ?? 0, [...(losses.get(event.exchange ?? 0) ?? []), event]);
  const sent = new Map<number, number>();
  const arrived = new Set<number>();
  const items = events.flatMap((event): DiagramItem[] => {
    const { kind, exchange = 0, at } = event;
    if (kind === "lost") return [];
    if (kind === "send") sent.set(exchange, at);
    if (kind === "arrive") {
      const again = arrived.has(exchange);
      arrived.add(exchange);
      const lateMs = at - (sent.get(exchange) ?? at);
      return again || lateMs > LATE_MS ? [markOf(event, `${labelOf(event)} arrives ${again ? "again" : "late"}`)] : [];
    }
    return [itemOf(event, losses.get(exchange) ?? [])];
  });
  const parties = new Set(
    items.flatMap((item) => (item.kind === "message" ? [item.from, item.to] : item.kind === "mark" ? [item.at] : [])),
  );
  return { parties: [...parties].toSorted((one, other) => rankOf(one, items) - rankOf(other, items)), items };
}

/** Who only asks stands first. */
function rankOf(name: string, items: readonly DiagramItem[]): number {
  const messages = items.filter((item) => item.kind === "message");
  const asks = messages.some(({ from, isAnswer }) => from === name && !isAnswer);
  return asks && !messages.some(({ to, isAnswer }) => to === name && !isAnswer) ? 0 : 1;
}

function itemOf(event: SimEvent, losses: readonly SimEvent[]): DiagramItem {
  const { kind, who, whom = "", body } = event;
  const time = secondsOf(event.at);
  const label = labelOf(event);
  const what = body === undefined ? {} : { body };
  if (kind === "fault" || kind === "violation") return { kind: "band", time, of: kind, label };
  if (kind !== "send" && kind !== "reply") return markOf(event, label);
  const lost = losses.find((loss) => loss.who === who && loss.whom === whom);
  const how = lost === undefined ? "" : (/ \((?:partition|nobody listens)\)$/.exec(lost.what)?.[0] ?? " (lost)");
  return {
    ...{ kind: "message", time, from: who, to: whom, label: `${label}${how}`, ...what },
    ...{ isLost: lost !== undefined, isAnswer: kind === "reply" },
    isBad: kind === "reply" && event.outcome !== undefined && !/^[123]\d\d$/.test(event.outcome),
  };
}

function markOf({ kind, who, at, body }: SimEvent, label: string): DiagramItem {
  const of = kind === "commit" || kind === "crash" || kind === "start" ? kind : kind === "arrive" ? "arrival" : "other";
  return { kind: "mark", time: secondsOf(at), at: who, of, label, ...(body === undefined ? {} : { body }) };
}

/** How wide a column is: as the number of parties allows. */
const [COLUMN_MIN, COLUMN_MAX, WIDTH] = [9, 14, 112];
const TIME = 10;
const SIGNS = { commit: "●", crash: "✝", start: "○", arrival: "◂", other: "·" } as const;

/** The diagram as text: a column for each party, and what it is about beside it. */
export function textDiagram({ parties, items }: Diagram): readonly string[] {
  const column = Math.max(COLUMN_MIN, Math.min(COLUMN_MAX, Math.floor(WIDTH / parties.length)));
  const centre = (index: number): number => index * column + Math.floor(column / 2);
  const down = new Set<string>();
  const lines = [" ".repeat(TIME) + parties.map((name) => centred(name.slice(0, column - 1), column)).join("")];
  for (const item of items) {
    if (item.kind === "band") {
      lines.push(`${item.time.padStart(TIME - 2)}  ${item.of === "fault" ? "⚡" : "‼"} ${item.label}`);
      continue;
    }
    const row = Array.from({ length: parties.length * column }, () => " ");
    for (const [index, name] of parties.entries()) row[centre(index)] = down.has(name) ? " " : "│";
    if (item.kind === "mark") {
      if (item.of === "crash") down.add(item.at);
      else if (item.of === "start") down.delete(item.at);
      row[centre(parties.indexOf(item.at))] = SIGNS[item.of];
    } else drawArrow(row, centre(parties.indexOf(item.from)), centre(parties.indexOf(item.to)), item);
    lines.push(`${item.time.padStart(TIME - 2)}  ${row.join("")} ${item.label}`);
  }
  return lines;
}

// oxlint-disable-next-line max-params -- a line, its two ends, and how it is drawn
function drawArrow(
  row: string[],
  from: number,
  to: number,
  { isLost, isAnswer }: { readonly isLost: boolean; readonly isAnswer: boolean },
): void {
  const step = to > from ? 1 : -1;
  const end = isLost ? from + Math.round((to - from) * 0.7) : to - step;
  for (let at = from + step; at !== end; at += step) row[at] = isAnswer || isLost ? "╌" : "─";
  row[end] = isLost ? "✗" : step > 0 ? "▶" : "◀";
}

/** The diagram in Mermaid's language. */
export function mermaidDiagram({ parties, items }: Diagram): string {
  const idOf = (name: string): string => `p${parties.indexOf(name)}`;
  const lines = ["sequenceDiagram", ...parties.map((name) => `  participant ${idOf(name)} as ${plain(name)}`)];
  const all = parties.length < 2 ? "p0" : `p0,p${parties.length - 1}`;
  for (const item of items) {
    const text = plain(`${item.time} ${item.label}`);
    if (item.kind === "band") lines.push(`  Note over ${all}: ${item.of === "fault" ? "fault" : "WRONG"} ${text}`);
    else if (item.kind === "mark") lines.push(`  Note over ${idOf(item.at)}: ${text}`);
    else {
      const arrow = item.isLost ? "--x" : item.isAnswer ? "-->>" : "->>";
      lines.push(`  ${idOf(item.from)}${arrow}${idOf(item.to)}: ${text}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Text without what means something in Mermaid. */
function plain(text: string): string {
  return text.replaceAll("#", "no.").replaceAll(";", ",").replaceAll("\n", " ");
}

function centred(text: string, width: number): string {
  const before = Math.floor((width - text.length) / 2);
  return `${" ".repeat(before)}${text}`.padEnd(width);
}
