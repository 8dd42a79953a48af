/**
 * Runs of a log as text, as brokers keep them: a line for each event, with its position and type in front, so that a
 * reader goes past what it does not want without parsing it.
 */
import type { LogRun } from "./broker.ts";
import { EventTooLarge } from "./broker-faults.ts";
import type { EventRecord } from "./event.ts";
import { type Holes, holesAfter } from "./holes.ts";

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
  /** What {@link readRun} reads. */
  readonly text: string;
  /** What is missing from it, as text; absent where the log has everything. */
  readonly holes?: string;
}

/** How large pieces are, in bytes of UTF-8. */
export interface PieceLimits {
  /** A piece of several events has at most this. */
  readonly cutAt: number;
  /** A piece of one event has at most this: what the broker takes at all. Not less than `cutAt`. */
  readonly bytesMax: number;
}

/**
 * Cuts what a run has after a position into pieces, in order and without gaps.
 * @throws {EventTooLarge} when one event alone has more than the broker takes.
 */
export function piecesOf(run: LogRun, head: number, { cutAt, bytesMax }: PieceLimits): readonly RunPiece[] {
  const encoder = new TextEncoder();
  const pieces: RunPiece[] = [];
  let [after, at, bytes] = [Math.max(run.after, head), Math.max(run.after, head), 0];
  let lines: string[] = [];
  const cut = (upTo: number): void => {
    const holes = holesAfter(run.holes, after);
    pieces.push({
      after,
      upTo,
      text: lines.join("\n"),
      ...(holes === undefined ? {} : { holes: JSON.stringify(holes) }),
    });
    [after, bytes, lines] = [upTo, 0, []];
  };
  for (const event of run.events) {
    if (event.position <= head) continue;
    const line = `${event.position} ${event.type} ${JSON.stringify(event)}`;
    const size = encoder.encode(line).length + 1;
    if (size > bytesMax) {
      throw EventTooLarge.with({ service: run.service, position: event.position, bytes: size, bytesMax });
    }
    if (lines.length > 0 && bytes + size > cutAt) cut(at);
    lines.push(line);
    [at, bytes] = [event.position, bytes + size];
  }
  if (run.upTo > after) cut(run.upTo);
  return pieces;
}

/** What a message of a broker's stream says of itself. Nothing of it is believed yet: anybody may have put it there. */
export interface RunClaim {
  /** Whose stream it is. */
  readonly service: string;
  /** What the headers say; undefined when that is no position. */
  readonly after: number | undefined;
  readonly upTo: number | undefined;
  readonly text: string;
  readonly holes?: string;
}

/** The run in a message. */
export interface RunRead {
  readonly after: number;
  readonly upTo: number;
  readonly events: readonly KeptEvent[];
  readonly holes?: Holes;
}

/**
 * The run in a message, when all of it is one: each event can be read, is of this service, and stands where the run says.
 * A message with one event that is not is no run at all, for readers as for the relay. So the broker does not have what it
 * was to have, the relay brings that from the log, and nothing is passed over or heard in another order.
 * @throws {TypeError} that says why, when it is none.
 */
export function readRun({ service, after, upTo, text, holes }: RunClaim): RunRead {
  if (after === undefined || upTo === undefined || upTo < after)
    throw new TypeError("It does not say where it belongs.");
  const events = eventsIn(text);
  let at = after;
  for (const event of events) {
    if (event.position <= at || event.position > upTo) {
      throw new TypeError(`The event ${event.position} does not belong between ${at} and ${upTo}.`);
    }
    at = event.position;
    checkRecord(service, event);
  }
  return { after, upTo, events, ...(holes === undefined ? {} : { holes: holesIn(holes) }) };
}

/** The events of a piece. @throws {TypeError} when it is no such text. */
function eventsIn(text: string): readonly KeptEvent[] {
  if (text === "") return [];
  return text.split("\n").map((line) => {
    const first = line.indexOf(" ");
    const second = line.indexOf(" ", first + 1);
    const position = Number(line.slice(0, first));
    if (second < 0 || !Number.isSafeInteger(position)) throw new TypeError("It is no list of events.");
    return { position, type: line.slice(first + 1, second), text: line.slice(second + 1) };
  });
}

/** What nobody could go on with must not get to consumers: they would try it again for ever, and hear nothing else. */
function checkRecord(service: string, { position, type, text }: KeptEvent): void {
  const record = parsed(text, `The event ${position}`);
  const { id, key, version, sequence, at } = record;
  const isNamed = typeof id === "string" && typeof key === "string";
  const isNumbered = [version, sequence, at].every((value) => typeof value === "number");
  const isHere = record["service"] === service && record["type"] === type && record["position"] === position;
  if (!isNamed || !isNumbered || !isHere) throw new TypeError(`The event ${position} is no event of "${service}".`);
}

function holesIn(text: string): Holes {
  const holes = parsed(text, "What is missing from it");
  if (!Object.values(holes).every((upTo) => Number.isSafeInteger(upTo))) {
    throw new TypeError("It does not say what is missing from it.");
  }
  return holes as Holes;
}

/** The object in a text. The parser's own words would show what is in the event. */
function parsed(text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null) throw new TypeError(`${what} cannot be read.`);
  return value as Readonly<Record<string, unknown>>;
}

/** The event itself, shared with nobody: of a run that {@link readRun} has read. */
export function recordOf({ text }: KeptEvent): EventRecord {
  const event = JSON.parse(text) as EventRecord;
  // JSON leaves out what is undefined.
  return { ...event, trace: event.trace };
}
