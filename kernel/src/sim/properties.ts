/** What must hold: always, in the end, and at least sometimes over a batch of runs. */
import type { SqlValue } from "../store/mod.ts";
import { type DatabaseSync, rowsOf } from "./real/engine.ts";
import type { Disks } from "./storage.ts";

/** The state of a system between two events, as properties see it. */
export interface SimState {
  /** Virtual milliseconds since the simulation began. */
  readonly now: number;
  /** What actors reported, in order. */
  readonly reports: readonly unknown[];
  /** The committed rows of a service's tables. @throws {TypeError} when there is no such service. */
  rows<R>(service: string, sql: string, ...parameters: SqlValue[]): R[];
  /** The first column of the rows that {@link SimState.rows} gives, as texts: what is wrong, said by the query itself. */
  texts(service: string, sql: string, ...parameters: SqlValue[]): string[];
  /** The databases themselves, by service. */
  readonly databases: ReadonlyMap<string, DatabaseSync>;
}

/** Something that must hold. A check gives what is wrong: nothing, when all is well. */
export type Property =
  | { readonly kind: "always" | "eventually"; readonly name: string; readonly check: Check }
  | { readonly kind: "sometimes"; readonly name: string; readonly isReached?: (state: SimState) => boolean };

/** Looks for what is wrong. */
export type Check = (state: SimState) => readonly string[] | Promise<readonly string[]>;

/** Holds between any two events, faults or not. Looked at every two seconds of virtual time in which something was committed, and at the end. */
export function always(name: string, check: Check): Property {
  return { kind: "always", name, check };
}

/** Holds when faults are over and the system has come to rest. */
export function eventually(name: string, check: Check): Property {
  return { kind: "eventually", name, check };
}

/**
 * Comes about in some run of a batch: proof that the batch reaches what it is meant to try. It did when an actor noted
 * it by this name, or when `isReached` says so of the state in the end.
 */
export function sometimes(name: string, isReached?: (state: SimState) => boolean): Property {
  return { kind: "sometimes", name, ...(isReached === undefined ? {} : { isReached }) };
}

/** Reads the state of a system of these services. */
export function stateOf(
  disks: Disks,
  { now, reports, services }: Pick<SimState, "now" | "reports"> & { readonly services: readonly string[] },
): SimState {
  const databases = new Map(disks.services.map((service) => [service, disks.of(service).database]));
  const rows = <R>(service: string, sql: string, ...parameters: SqlValue[]): R[] => {
    if (databases.has(service)) return rowsOf(disks.of(service), sql, parameters) as R[];
    // A misspelt name must not make a property that always holds.
    if (!services.includes(service))
      throw new TypeError(`There is no service "${service}"; there are ${services.join(", ")}.`);
    return [];
  };
  return {
    now,
    reports,
    databases,
    rows,
    texts: (service, sql, ...parameters) =>
      rows<Record<string, unknown>>(service, sql, ...parameters).map((row) => String(Object.values(row)[0])),
  };
}
