/**
 * Which faults happen. Each decision is a hash of the seed and a stable name of the occasion (who, what, about what,
 * which time), never a draw from a common stream: taking one fault away leaves all other decisions as they were, and
 * so a failing run can be shrunk to the few faults that matter.
 */
import { hash53, unitOf } from "./hash.ts";

/** The kinds of faults, with what they do. The default batch must reach every one. */
export const FAULTS = {
  "request lost": "a message does not arrive",
  "request delayed": "a message is late, and later ones overtake it",
  "request doubled": "a message arrives twice",
  "reply lost": "the callee has done it, and the caller does not hear of it",
  "reply delayed": "an answer is late",
  "event redelivered": "the broker gives events again that were given before",
  "event late": "the broker does not tell that there is something new",
  "publish lost": "events do not reach the broker",
  "ack lost": "the broker has the events, and the relay does not hear of it",
  "broker crash": "the broker restarts without what it had not yet written down",
  "broker wiped": "the broker restarts with nothing",
  "serialization failure": "the database undoes a transaction, which runs again (40001)",
  deadlock: "the database undoes a transaction as a victim (40P01), which runs again",
  "connection lost": "the database's connection breaks before the commit",
  "commit unknown": "the database commits, and its connection breaks before it says so",
  "slow database": "a transaction waits",
  "crash before statement": "the process dies before a statement",
  "crash after statement": "the process dies after a statement",
  "crash before commit": "the process dies before the commit",
  "crash after commit": "the process dies after the commit, before anybody knows",
  "crash on arrival": "the process dies when a call arrives",
  "crash before reply": "the process dies after a call, before its answer leaves",
  kill: "the process dies at some moment",
  "power cut": "the machine dies: what was not yet on the disk is lost",
  pause: "the process stands still for a while, and then goes on as if nothing had been",
  "slow node": "everything takes longer on a machine",
  "clock jump": "a machine's clock is set",
  "clock drift": "a machine's clock runs fast or slow",
  partition: "two machines do not reach one another",
  "one-way partition": "a machine reaches another, which does not reach it",
  "rolling restart": "machines restart one after another, into the next version where there is one",
  "call refused": "a host has no room for a call, and says so at once",
  drain: "a host is told to end: it takes no further calls, finishes what it has, and starts again",
  stall: "a process stands still in the middle of a transaction, its clock too perhaps, as when a machine is moved",
  "database restart":
    "the server of the databases that replicas share restarts: connections break, what is open is undone",
  "registry lost": "nobody can ask for a while who answers for a service, or enter there",
  "news late": "the registry does not tell that an instance came or went",
  "half-open connection": "a connection between hosts is gone, and neither of them knows",
} as const;

/** Kinds that need replicas: elsewhere nothing is there that they could happen to. */
export const REPLICA_FAULTS: ReadonlySet<FaultKind> = new Set([
  ...(["drain", "stall", "database restart", "registry lost", "news late", "half-open connection"] as const),
]);

/** A kind of fault. */
export type FaultKind = keyof typeof FAULTS;

/** All kinds. */
export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

/** A fault that happened: its kind and the stable name of its occasion. */
export interface FaultRecord {
  readonly kind: FaultKind;
  readonly name: string;
  readonly at: number;
}

/** How likely each kind is on an occasion; for planned ones, how many there are on average. */
export type FaultRates = Readonly<Record<FaultKind, number>>;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-([0-9a-f]{12})/g;

/**
 * Each run attacks some operations and some steps of sagas more often than the rest: otherwise what occurs once in ten
 * runs would be hit by a rare fault once in ten thousand.
 */
const FOCUS = 30;
/** How likely each kind is there at least, if it occurs in the run at all. */
const FOCUS_MIN = 0.15;
/** How many are attacked so. */
const FOCUSED = 0.08;

/** Decides about faults, and remembers those that happened. */
export class Faults {
  readonly rates: FaultRates;
  readonly happened: FaultRecord[] = [];
  /** Whether the faults are over, and everything must come right. */
  healed = false;
  readonly #seed: number;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #now: () => number;
  readonly #occasions = new Map<string, number>();
  readonly #onFault: (fault: FaultRecord) => void;

  /** With `only`, none happens but those of these {@link faultId}s. */
  constructor(options: {
    readonly seed: number;
    readonly rates: FaultRates;
    readonly only?: ReadonlySet<string> | undefined;
    readonly now: () => number;
    readonly onFault: (fault: FaultRecord) => void;
  }) {
    this.#seed = options.seed;
    this.rates = options.rates;
    this.#only = options.only;
    this.#now = options.now;
    this.#onFault = options.onFault;
  }

  /** The stable name of an occasion: without the times that ids begin with, and counted where it comes again. */
  occasion(name: string): string {
    const stable = stableName(name);
    const n = (this.#occasions.get(stable) ?? 0) + 1;
    this.#occasions.set(stable, n);
    return n === 1 ? stable : `${stable} #${n}`;
  }

  /** Whether a fault happens on an occasion. `occasion` is what {@link occasion} gave. */
  strikes(kind: FaultKind, occasion: string): boolean {
    if (this.healed) return false;
    const rate = this.rates[kind];
    if (rate === 0) return false;
    const drawn = unitOf(this.#seed, `${kind}|${occasion}`);
    if (drawn >= Math.max(rate * FOCUS, FOCUS_MIN)) return false;
    if (drawn >= rate && !this.#isFocused(occasion)) return false;
    return this.happens(kind, occasion);
  }

  /** Whether this run attacks what the occasion is of more than the rest. */
  #isFocused(occasion: string): boolean {
    const [, what = "", about = ""] = occasion.split(" ", 3);
    const step = about.slice(about.indexOf("/"));
    return unitOf(this.#seed, `focus|${what} ${step}`) < FOCUSED;
  }

  /** Lets a planned fault happen, unless it is left out of this run. */
  happens(kind: FaultKind, name: string): boolean {
    const fault: FaultRecord = { kind, name, at: this.#now() };
    if (this.#only !== undefined && !this.#only.has(faultId(fault))) return false;
    this.happened.push(fault);
    this.#onFault(fault);
    return true;
  }

  /** A number in [0, 1) for an occasion: how long, how many, where. */
  amount(what: string, occasion: string): number {
    return hash53(`${what}|${occasion}`, this.#seed ^ 0x5bd1e995) / 2 ** 53;
  }
}

/** A name without the times that ids begin with. */
export function stableName(name: string): string {
  return name.replace(UUID, "$1");
}

/** What a fault is named by in a list of faults. */
export function faultId({ kind, name }: Pick<FaultRecord, "kind" | "name">): string {
  return `${kind}: ${name}`;
}
