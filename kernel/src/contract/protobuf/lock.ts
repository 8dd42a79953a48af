/**
 * The numbers of fields, for ever. Protobuf knows fields by number: one that was given once is never given to another field,
 * nor to the same name with another type. The lock is a file that is committed beside what is made with it.
 */

/** A field's number, and the type that it was given for. */
export interface LockedField {
  readonly number: number;
  readonly type: string;
}

/** The fields of a message, or the values of an enumeration. */
export interface LockedMessage {
  readonly fields: Readonly<Record<string, LockedField>>;
  /** Numbers that were once something else. */
  readonly reserved: readonly number[];
}

/** The lock of one contract. */
export interface ProtoLock {
  readonly format: 1;
  readonly messages: Readonly<Record<string, LockedMessage>>;
}

/** The lock of a contract that was never written. */
export const NO_LOCK: ProtoLock = { format: 1, messages: {} };

/** What is to be numbered: names with their types, in the order of the schema. */
export type Wanted = readonly (readonly [name: string, type: string])[];

/** These numbers are Protobuf's own. */
const OWN = { from: 19_000, to: 19_999 };

/**
 * The numbers of a message: those of old for what has the same name and type, new ones for the rest. What is gone is
 * reserved. Pure. `first` is the lowest number: 1 for fields.
 */
export function numbered(known: LockedMessage | undefined, wanted: Wanted, first = 1): LockedMessage {
  const fields: Record<string, LockedField> = {};
  const reserved = new Set(known?.reserved);
  const before = Object.entries(known?.fields ?? {});
  let last = Math.max(first - 1, ...reserved, ...before.map(([, { number }]) => number));
  for (const [name, { number, type }] of before) {
    if (wanted.some(([other, otherType]) => other === name && otherType === type)) fields[name] = { number, type };
    else reserved.add(number);
  }
  for (const [name, type] of wanted) {
    if (fields[name] !== undefined) continue;
    last = last + 1 === OWN.from ? OWN.to + 1 : last + 1;
    fields[name] = { number: last, type };
  }
  return { fields, reserved: [...reserved].toSorted((a, b) => a - b) };
}
