/**
 * Compares two versions of a contract: what changed, whom it touches, and in which order the builds may replace one
 * another. Pure, and careful: what it calls compatible is.
 */
import { misfits } from "../../schema/mod.ts";
import { type Change, type Order, orderOf, told } from "./change.ts";
import { added, operationChanges, removed } from "./operations.ts";
import type { ContractSnapshot, EventSnapshot } from "./snapshot.ts";

/** All changes between two versions of one contract. */
export function contractChanges(old: ContractSnapshot, next: ContractSnapshot): readonly Change[] {
  const changes: Change[] = [];
  for (const name of namesOf(old.operations, next.operations)) {
    const [before, after] = [old.operations[name], next.operations[name]];
    const at = `${next.name}.${name}`;
    if (before === undefined) changes.push(added(at));
    else if (after === undefined) changes.push(removed(at, before));
    else changes.push(...operationChanges({ at, old: before, next: after }));
  }
  for (const name of namesOf(old.events, next.events)) {
    const [before, after] = [old.events[name], next.events[name]];
    const at = `${next.name}.${name}`;
    changes.push(...eventChanges(at, before, after));
    if (before !== undefined && after !== undefined) changes.push(...keepChanges(at, before, after));
  }
  for (const permission of old.permissions) {
    if (next.permissions.includes(permission)) continue;
    const what = `The permission ${permission} is gone; roles that hold it do not pass the start.`;
    changes.push({ at: next.name, part: "permissions", what, order: "any", affects: ["roles"] });
  }
  return changes;
}

function eventChanges(at: string, old: EventSnapshot | undefined, next: EventSnapshot | undefined): readonly Change[] {
  const affects = ["subscribers", "emitter"] as const;
  const one = (part: string, what: string, order: Order, advice?: string): readonly Change[] => [
    { at, part, what, order, affects, ...(advice === undefined ? {} : { advice }) },
  ];
  if (next === undefined) return one("event", "It is gone. Nobody may subscribe to it any more.", "users-first");
  if (old === undefined)
    return one("event", "It is new. Those who subscribe to it need it to be there.", "owner-first");
  if (old.key !== next.key) {
    const what = `It was ordered by ${old.key} and is by ${next.key}: what is in the log is ordered by the old one.`;
    return one("key", what, "side-by-side", beside(at));
  }
  const [unread, stored] = [misfits(next.data, old.data, "open"), misfits(old.data, next.data, "open")];
  if (next.version < old.version) {
    return one("version", `Its version goes back from ${old.version} to ${next.version}.`, "side-by-side", beside(at));
  }
  if (next.version > old.version) {
    const what = `Its version is ${next.version}. Old subscribers keep such events until they are replaced; upcasts read the old ones.`;
    return one("version", what, "users-first");
  }
  if (stored.length > 0) {
    const what = `Events in the log do not fit it: ${told(stored)}.`;
    return one("data", what, "side-by-side", `Raise the event's version and add an upcast from ${old.version}.`);
  }
  if (unread.length > 0)
    return one("data", `Old subscribers cannot read the new events: ${told(unread)}.`, orderOf(unread, stored));
  return [];
}

/** Builds understand one another whatever is kept; but what is deleted sooner can be missed, and nothing brings it back. */
function keepChanges(at: string, { keepMs: old }: EventSnapshot, { keepMs: next }: EventSnapshot): readonly Change[] {
  if (old === next) return [];
  const what = `Its events stay in the log ${keptFor(next)}, and stayed ${keptFor(old)}.`;
  if ((next ?? Infinity) > (old ?? Infinity)) {
    return [
      { at, part: "keepMs", what: `${what} What was deleted before does not come back.`, order: "any", affects: [] },
    ];
  }
  const advice =
    "Before the first build that deletes sooner: all subscribers have heard what will be deleted, and none needs it " +
    "again, to begin or for a read model made anew.";
  return [{ at, part: "keepMs", what, order: "users-first", affects: ["subscribers"], advice }];
}

function keptFor(keepMs: number | undefined): string {
  return keepMs === undefined ? "for ever" : `for ${Number((keepMs / DAY_MS).toFixed(2))} days`;
}

const DAY_MS = 24 * 3_600_000;
const beside = (at: string): string => `Emit a second event next to it until nobody hears ${at}.`;

const namesOf = (old: object, next: object): readonly string[] =>
  [...new Set([...Object.keys(old), ...Object.keys(next)])].toSorted();
