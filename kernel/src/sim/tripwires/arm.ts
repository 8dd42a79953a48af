/**
 * Tripwires: while they are armed, whatever the seed does not decide throws where it is used, instead of making one run
 * in a hundred differ from the others. Ports are how a simulation controls the world; this is how it notices that
 * something goes around them.
 *
 * Loading a module reads files, so it trips too: what is imported late is imported once before arming.
 *
 * What they cannot see, since nothing can be put in its way:
 *
 * - a reference that was taken before: `const now = Date.now` at the top of a module, a class that extends `Date` or
 *   `WeakRef`, `performance.now.bind(performance)`, `promisify(setTimeout)`, `const D = Date`. (What is patched on
 *   prototypes and on `Date` itself trips even so: `const D = Date; D.now()`.) In the kernel
 *   and the shop, `tools/tidy/outside.ts` refuses `Date.now` and `Math.random` also where they are only taken, and lint
 *   every mention of timers, `fetch`, `process`, `performance` and `node:*`. Neither sees `const { now } = Date`,
 *   `const D = Date`, or a class that extends one. For libraries, only comparing two runs does.
 * - named imports of `node:sqlite`, which Node does not bind anew; its default import is wired.
 * - what was opened before: a socket, a file handle, a timer that is running, a worker.
 * - another realm, such as the context of `node:vm` made before.
 * - constants of the process and the machine (`process.env`, `process.pid`, `process.platform`, the default locale of
 *   `Intl.NumberFormat`): libraries and Node itself read them all the time, and they do not change while a run lasts.
 * - randomness inside signatures: ECDSA, RSA-PSS and DSA draw a number for each. Ed25519 and RSA PKCS #1 do not.
 * - clocks and chance inside SQL, such as `datetime('now')` and `random()`.
 * - bare memory: the order of threads that share an array, the moment of garbage collection seen by other means.
 */
import { syncBuiltinESMExports } from "node:module";
import { type Trip, alarm, outside } from "./alarm.ts";
import { type Patch, patchFor } from "./patch.ts";
import { sourcesOfChance } from "./sources-chance.ts";
import { sourcesOfMachine } from "./sources-machine.ts";
import { sourcesOfThreads } from "./sources-threads.ts";
import { sourcesOfTime } from "./sources-time.ts";

/** Which sources stay as they are. */
export interface TripwireOptions {
  /**
   * Names of sources, `Date.now`, or what names begin with, `node:fs`; other names of the same functions are allowed with
   * them. A name that no source has is an error, so that an exception does not outlive its reason.
   */
  readonly allow?: readonly string[];
}

/** Wires that are armed. */
export interface Tripwires {
  /** What was used, in order, at most {@link TRIPS_MAX}; also when the code under test caught the error. Stays after disarming. */
  readonly trips: readonly Trip[];
  /** How many sources are wired. */
  readonly count: number;
  /**
   * Runs `body` as if nothing were armed, and returns what it returns. For the simulator's own needs; it covers the
   * synchronous part only, so that nothing else can slip in while something waits.
   */
  runOutside<T>(body: () => T): T;
  /** Puts back exactly what was there. Doing it again does nothing. */
  disarm(): void;
}

let patches: readonly Patch[] | undefined;
let isArmed = false;

/** Every source that is known, by name, in the order in which they are wired. */
export function sourceNames(): readonly string[] {
  return allPatches().map(({ source }) => source.name);
}

/**
 * Arms all wires of this process. They are the process's: arming what is armed is an error. The first call takes some
 * 20 ms to look around, each later one less than one.
 */
export function armTripwires({ allow = [] }: TripwireOptions = {}): Tripwires {
  if (isArmed) throw new Error("The tripwires are armed. They are the process's own: disarm them first.");
  const chosen = without(allPatches(), allow);
  const trips: Trip[] = [];
  const armed: Patch[] = [];
  const disarm = (): void => {
    alarm.isLive = false;
    for (const patch of armed.toReversed()) patch.disarm();
    armed.length = 0;
    syncBuiltinESMExports();
    isArmed = false;
  };
  isArmed = true;
  try {
    for (const patch of chosen) {
      patch.arm();
      armed.push(patch);
    }
    syncBuiltinESMExports();
  } catch (error) {
    disarm();
    throw error;
  }
  alarm.trips = trips;
  alarm.isLive = true;
  return {
    trips,
    count: armed.length,
    runOutside: outside,
    disarm: () => {
      if (armed.length > 0) disarm();
    },
  };
}

function allPatches(): readonly Patch[] {
  if (patches !== undefined) return patches;
  warm();
  const sources = [...sourcesOfTime(), ...sourcesOfChance(), ...sourcesOfThreads(), ...sourcesOfMachine()];
  patches = sources.map(patchFor);
  return patches;
}

/** Makes Node load what it loads at the first use and what would itself touch a wire then: the streams of the console. */
function warm(): void {
  void process.stdout;
  void process.stderr;
}

/** The patches but those allowed, whatever other names lead to the same function. */
function without(known: readonly Patch[], allow: readonly string[]): readonly Patch[] {
  const isUnder = (name: string, prefix: string): boolean =>
    name === prefix || name.startsWith(`${prefix}.`) || name.startsWith(`${prefix}/`);
  for (const allowed of allow)
    if (!known.some(({ source }) => isUnder(source.name, allowed)))
      throw new TypeError(`There is no source "${allowed}" to allow.`);
  const free = known.filter(({ source }) => allow.some((allowed) => isUnder(source.name, allowed)));
  const freed = new Set<unknown>(free.map(({ leadsTo }) => leadsTo).filter((value) => value !== undefined));
  return known.filter((patch) => !free.includes(patch) && !freed.has(patch.leadsTo));
}
