/**
 * Which types a consumer has heard up to where. Builds take turns, and an older one does not hear what only a newer one
 * subscribes to: its cursor goes past that, and the newer one must come back to it.
 *
 * What holds across a crash: types and position are stored together, so that what is stored is so of whoever stored it.
 */

/** What is stored beside a cursor's position. */
export interface HeardTypes {
  /** Those that are heard up to the position, in order. */
  readonly types: readonly string[];
  /** Up to where a type was heard by itself: what lies before is not handled again, and what lies behind is. */
  readonly upTo: Readonly<Record<string, number>>;
  /** Since when a type is not heard any more, in milliseconds since 1970. */
  readonly leftAt: Readonly<Record<string, number>>;
}

/** What is heard by whoever has heard nothing. */
export const NOTHING_HEARD: HeardTypes = { types: [], upTo: {}, leftAt: {} };

/**
 * For how long it is remembered where a type was left, in milliseconds: seven days, longer than one goes to and fro between two
 * builds. A service that gave a type up for good, and takes it up again a year later, must not look for a year's events.
 */
export const LEFT_MS = 7 * 24 * 3_600_000;

/** Where a consumer goes on, and what it has heard already of what comes then. */
export interface TakenOver {
  readonly position: number;
  readonly heard: HeardTypes;
}

/**
 * Takes over from whoever heard before. A type that was heard until lately goes on where it was left; one that was not begins
 * at the position, as does everything where nobody has said what was heard.
 */
export function takeOver(
  before: HeardTypes | undefined,
  types: ReadonlySet<string>,
  { position, now }: { readonly position: number; readonly now: number },
): TakenOver {
  const heard = [...types].toSorted();
  if (before === undefined) return { position, heard: { ...NOTHING_HEARD, types: heard } };
  if (before.types.length === heard.length && before.types.every((type) => types.has(type)))
    return { position, heard: before };
  const [upTo, leftAt] = [new Map(Object.entries(before.upTo)), new Map(Object.entries(before.leftAt))];
  for (const type of before.types) {
    upTo.set(type, Math.max(upTo.get(type) ?? 0, position));
    leftAt.set(type, now);
  }
  for (const [type, at] of leftAt) {
    if (at + LEFT_MS <= now) upTo.delete(type);
    if (types.has(type) || !upTo.has(type)) leftAt.delete(type);
  }
  for (const type of heard) if (!upTo.has(type)) upTo.set(type, position);
  const from = Math.min(position, ...heard.map((type) => upTo.get(type) ?? position));
  const kept = { upTo: Object.fromEntries(upTo), leftAt: Object.fromEntries(leftAt) };
  return { position: from, heard: { types: heard, ...kept } };
}

/** Whether an event was heard before the position went back. */
export function wasHeard(
  { upTo }: HeardTypes,
  { type, position }: { readonly type: string; readonly position: number },
) {
  return Object.hasOwn(upTo, type) && position <= (upTo[type] ?? 0);
}

/** The text that is stored. */
export const heardText = ({ types, upTo, leftAt }: HeardTypes): string => JSON.stringify({ types, upTo, leftAt });

/** What a stored text says; undefined when nothing is stored. */
export const heardFrom = (text: string | null | undefined): HeardTypes | undefined =>
  typeof text === "string" ? (JSON.parse(text) as HeardTypes) : undefined;
