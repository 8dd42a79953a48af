/** A patch puts a wire in the place of a source, and back exactly what was there. */
import { alarm, trip } from "./alarm.ts";
import type { Source } from "./source.ts";
import { isCallable, wireFor } from "./wire.ts";

/** A property that can be wired again and again; made once, because a simulation arms for each of its seeds. */
export interface Patch {
  readonly source: Source;
  /** Where the property leads now. Undefined for a getter, which must not run for a look. */
  readonly leadsTo: unknown;
  arm(): void;
  disarm(): void;
}

/** The patch for a source. */
export function patchFor(source: Source): Patch {
  const { isRead = false, owner, key } = source;
  const found = Object.getOwnPropertyDescriptor(owner, key);
  const [arm, disarm] = found?.writable === true && !isRead ? assigned(source) : redefined(source);
  return {
    source,
    get leadsTo() {
      return Object.getOwnPropertyDescriptor(owner, key)?.value;
    },
    arm,
    disarm,
  };
}

/** Assigning keeps the property's attributes and place, and costs a tenth of defining it. */
function assigned(source: Source): readonly [arm: () => void, disarm: () => void] {
  const owner = source.owner as Record<PropertyKey, unknown>;
  const { key } = source;
  let original: unknown;
  return [
    () => {
      // Not what was there the first time: a test may have put something of its own in between.
      original = owner[key];
      if (!isCallable(original)) throw new TypeError(`${source.name} is not a function.`);
      owner[key] = wireFor(source, original);
    },
    () => {
      owner[key] = original;
    },
  ];
}

function redefined(source: Source): readonly [arm: () => void, disarm: () => void] {
  const { owner, key, name } = source;
  let original: PropertyDescriptor | undefined;
  let wired: PropertyDescriptor | undefined;
  return [
    () => {
      const found = Object.getOwnPropertyDescriptor(owner, key);
      if (found === undefined) throw new TypeError(`There is no ${name} to wire.`);
      if (wired === undefined || found.get !== original?.get || found.value !== original?.value)
        wired = wiredForm(source, found);
      original = found;
      Object.defineProperty(owner, key, wired);
    },
    () => {
      if (original !== undefined) Object.defineProperty(owner, key, original);
    },
  ];
}

function wiredForm(source: Source, found: PropertyDescriptor): PropertyDescriptor {
  if (source.isRead === true) return readForm(source, found);
  if (found.get !== undefined) return getterForm(source, found.get, found);
  if (!isCallable(found.value)) throw new TypeError(`${source.name} is not a function.`);
  return { ...found, value: wireFor(source, found.value) };
}

/** A value that is itself the source: `performance.timeOrigin`. */
function readForm(source: Source, found: PropertyDescriptor): PropertyDescriptor {
  const what = { source: source.name, use: source.name, instead: source.instead };
  const read = function (this: unknown): unknown {
    if (alarm.isLive) trip(what, read);
    return found.get === undefined ? found.value : Reflect.apply(found.get, this, []);
  };
  return {
    get: read,
    ...(found.set === undefined ? {} : { set: found.set }),
    enumerable: found.enumerable ?? false,
    configurable: true,
  };
}

/** A getter that leads to a function, often one that Node loads late: it is loaded when it is asked for, and wired then. */
function getterForm(source: Source, get: () => unknown, found: PropertyDescriptor): PropertyDescriptor {
  const wired = function (this: unknown): unknown {
    const value: unknown = Reflect.apply(get, this, []);
    return isCallable(value) ? wireFor(source, value) : value;
  };
  return { ...found, get: wired };
}
