/**
 * A wire stands in for a function or a class: it trips while wires are live, and does what the original does otherwise.
 * It may be kept by whoever took it while it was armed (a library that loaded then), so it must work for ever after.
 */
import { alarm, trip } from "./alarm.ts";
import type { Guard, Source } from "./source.ts";

/** Anything that can be called or constructed. */
export type Callable = (this: unknown, ...args: unknown[]) => unknown;

const wires = new WeakMap<object, Callable>();

/** Whether a value can be wired. */
export function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}

/** The wire for a function: one for each, so that two names of a function stay equal while wires are armed. */
export function wireFor(source: Source, original: Callable): Callable {
  const known = wires.get(original);
  if (known !== undefined) return known;
  const wire =
    source.guard === undefined ? wireAlways(source, original) : wireSometimes(source, source.guard, original);
  wires.set(original, wire);
  // A wire of a wire would be another function: what is already wired stays as it is.
  wires.set(wire, wire);
  // Statics, `instanceof` and the prototypes of those who extend the class are the original's.
  Object.setPrototypeOf(wire, original);
  for (const key of ["name", "length"] as const)
    Object.defineProperty(wire, key, { value: original[key], configurable: true });
  wire.prototype = original.prototype;
  if (source.guard === undefined) wireMembers(source, original, wire);
  return wire;
}

function wireAlways(source: Source, original: Callable): Callable {
  const what = { source: source.name, use: source.name, instead: source.instead };
  return function wire(this: unknown, ...args: unknown[]): unknown {
    if (alarm.isLive) trip(what, wire);
    if (new.target === undefined) return Reflect.apply(original, this, args);
    return Reflect.construct(original, args, new.target);
  };
}

function wireSometimes({ name, instead }: Source, guard: Guard, original: Callable): Callable {
  return function wire(this: unknown, ...args: unknown[]): unknown {
    const use = alarm.isLive ? guard(args, new.target !== undefined) : undefined;
    if (use !== undefined) trip({ source: name, use, instead }, wire);
    if (new.target === undefined) return Reflect.apply(original, this, args);
    return Reflect.construct(original, args, new.target);
  };
}

/**
 * What Node keeps under symbols, for `promisify(setTimeout)` or `${os.hostname}`, would lead around the wire. Members
 * with names are sources of their own, and are inherited.
 */
function wireMembers(source: Source, original: Callable, wire: Callable): void {
  for (const key of Object.getOwnPropertySymbols(original)) {
    const value: unknown = Reflect.get(original, key);
    if (!isCallable(value)) continue;
    Object.defineProperty(wire, key, { value: wireFor(source, value), configurable: true, writable: true });
  }
}
