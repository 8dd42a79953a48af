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
  /** The committed rows of a service's tables. */
  rows<R>(service: string, sql: string, ...parameters: SqlValue[]): R[];
  /** The databases themselves, by service. */
  readonly databases: ReadonlyMap<string, DatabaseSync>;
}

/** Something that must hold. A check gives what is wrong: nothing, when all is well. */
export type Property =
  | { readonly kind: "always" | "eventually"; readonly name: string; readonly check: Check }
  | { readonly kind: "sometimes"; readonly name: string };

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

/** Is noted by an actor in some run of a batch: proof that a batch reaches what it is meant to try. */
export function sometimes(name: string): Property {
  return { kind: "sometimes", name };
}

/** Reads the state. */
export function stateOf(disks: Disks, now: number, reports: readonly unknown[]): SimState {
  const databases = new Map(disks.services.map((service) => [service, disks.of(service).database]));
  return {
    now,
    reports,
    databases,
    rows<R>(service: string, sql: string, ...parameters: SqlValue[]): R[] {
      return databases.has(service) ? (rowsOf(disks.of(service), sql, parameters) as R[]) : [];
    },
  };
}
