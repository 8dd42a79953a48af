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
}

/** Where a consumer goes on, and what it has heard already of what comes then. */
export interface TakenOver {
  readonly position: number;
  readonly heard: HeardTypes;
}

/**
 * Takes over from whoever heard before, at a position. A type that was heard once goes on where it was left; one that never
 * was begins at the position, as does everything where nobody has said what was heard.
 */
export function takeOver(before: HeardTypes | undefined, types: ReadonlySet<string>, position: number): TakenOver {
  const heard = [...types].toSorted();
  if (before === undefined) return { position, heard: { types: heard, upTo: {} } };
  if (before.types.length === heard.length && before.types.every((type) => types.has(type)))
    return { position, heard: before };
  const upTo = new Map(Object.entries(before.upTo));
  for (const type of before.types) upTo.set(type, Math.max(upTo.get(type) ?? 0, position));
  for (const type of heard) if (!upTo.has(type)) upTo.set(type, position);
  const from = Math.min(position, ...heard.map((type) => upTo.get(type) ?? position));
  return { position: from, heard: { types: heard, upTo: Object.fromEntries(upTo) } };
}

/** Whether an event was heard before the position went back. */
export function wasHeard(
  { upTo }: HeardTypes,
  { type, position }: { readonly type: string; readonly position: number },
) {
  return Object.hasOwn(upTo, type) && position <= (upTo[type] ?? 0);
}

/** The text that is stored. */
export const heardText = ({ types, upTo }: HeardTypes): string => JSON.stringify({ types, upTo });

/** What a stored text says; undefined when nothing is stored. */
export const heardFrom = (text: string | null | undefined): HeardTypes | undefined =>
  typeof text === "string" ? (JSON.parse(text) as HeardTypes) : undefined;
