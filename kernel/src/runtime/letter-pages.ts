/**
 * Dead letters in one order, whoever has them: so pages of several hosts can be put together, and a cursor means the same
 * to each of them. The order is that of subscribers, and of events for one of them.
 */
import { Invalid } from "../schema/mod.ts";

/** Where a dead letter stands. */
export interface LetterPlace {
  /** The subscriber. */
  readonly service: string;
  readonly consumer: string;
  /** Whose event it is, and where that stands in the log. */
  readonly source: string;
  readonly position?: number;
}

const PARTS = 4;

/** Which of two comes first, as `sort` takes it. */
export function compareLetters(one: LetterPlace, other: LetterPlace): number {
  return compareHearings(one, other) || (one.position ?? 0) - (other.position ?? 0);
}

/** The same of those who hear; 0 for letters of the same one. */
export function compareHearings(one: LetterPlace, other: LetterPlace): number {
  return (
    compareTexts(one.service, other.service) ||
    compareTexts(one.consumer, other.consumer) ||
    compareTexts(one.source, other.source)
  );
}

/** What a list goes on after, as text: `cart/mail/orders/17`. */
export function letterCursor({ service, consumer, source, position = 0 }: LetterPlace): string {
  return [service, consumer, source, String(position)].map(encodeURIComponent).join("/");
}

/** The place that a cursor says. @throws {Invalid} when it is none. */
export function placeOfCursor(cursor: string): LetterPlace {
  const [service = "", consumer = "", source = "", number = "", ...rest] = partsOf(cursor);
  const position = Number(number);
  if (rest.length > 0 || service === "" || !/^\d+$/.test(number) || !Number.isSafeInteger(position)) {
    const message = "is no cursor that a list of dead letters gave. Leave it out to begin at the start";
    throw Invalid.with({
      what: "input of operator.deadLetters",
      issues: [{ path: "/after", keyword: "format", message }],
    });
  }
  return { service, consumer, source, position };
}

/**
 * A page of at most `limit` letters out of these, in order, and what to go on after if there are more: among these, or
 * where they come from (`isMore`). Who has more must have given `limit` of them.
 */
export function letterPage<T extends LetterPlace>(letters: readonly T[], limit: number, isMore = false): LetterPage<T> {
  const items = letters.toSorted(compareLetters).slice(0, limit);
  const last = items.at(-1);
  const goesOn = isMore || letters.length > limit;
  return { items, ...(goesOn && last !== undefined ? { next: letterCursor(last) } : {}) };
}

/** Letters, and what the next page goes on after; absent when these are the last. */
export interface LetterPage<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

function partsOf(cursor: string): readonly string[] {
  try {
    const parts = cursor.split("/").map(decodeURIComponent);
    return parts.length === PARTS ? parts : [];
  } catch {
    return [];
  }
}

/** By code units, as databases and hosts of any language setting agree on. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
