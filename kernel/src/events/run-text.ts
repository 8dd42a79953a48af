/**
 * Runs of a log as text, as brokers keep them: a line for each event, with its position and type in front, so that a
 * reader goes past what it does not want without parsing it.
 */
import type { LogRun } from "./broker.ts";
import { EventTooLarge } from "./broker-faults.ts";
import type { EventRecord } from "./event.ts";

/** An event as a broker keeps it: the text is JSON. */
export interface KeptEvent {
  readonly position: number;
  readonly type: string;
  readonly text: string;
}

/** A piece of a run that fits into one message. Without events it only says how far the log goes. */
export interface RunPiece {
  readonly after: number;
  readonly upTo: number;
  /** What {@link eventsIn} reads. */
  readonly text: string;
}

/**
 * Cuts what a run has after a position into pieces of at most `bytesMax` bytes each (UTF-8), in order and without gaps.
 * @throws {EventTooLarge} when one event alone has more.
 */
export function piecesOf(run: LogRun, head: number, bytesMax: number): readonly RunPiece[] {
  const encoder = new TextEncoder();
  const pieces: RunPiece[] = [];
  let [after, at, bytes] = [Math.max(run.after, head), Math.max(run.after, head), 0];
  let lines: string[] = [];
  const cut = (upTo: number): void => {
    pieces.push({ after, upTo, text: lines.join("\n") });
    [after, bytes, lines] = [upTo, 0, []];
  };
  for (const event of run.events) {
    if (event.position <= head) continue;
    const line = `${event.position} ${event.type} ${JSON.stringify(event)}`;
    const size = encoder.encode(line).length + 1;
    if (size > bytesMax) {
      throw EventTooLarge.with({ service: run.service, position: event.position, bytes: size, bytesMax });
    }
    if (bytes + size > bytesMax) cut(at);
    lines.push(line);
    [at, bytes] = [event.position, bytes + size];
  }
  if (run.upTo > after) cut(run.upTo);
  return pieces;
}

/** The events of a piece. @throws {TypeError} when it is no such text. */
export function eventsIn(text: string): readonly KeptEvent[] {
  if (text === "") return [];
  return text.split("\n").map((line) => {
    const first = line.indexOf(" ");
    const second = line.indexOf(" ", first + 1);
    const position = Number(line.slice(0, first));
    if (second < 0 || !Number.isSafeInteger(position)) throw new TypeError("A message is no run of events.");
    return { position, type: line.slice(first + 1, second), text: line.slice(second + 1) };
  });
}

/** The event itself, shared with nobody. */
export function recordOf({ text }: KeptEvent): EventRecord {
  const event = JSON.parse(text) as EventRecord;
  // JSON leaves out what is undefined.
  return { ...event, trace: event.trace };
}
