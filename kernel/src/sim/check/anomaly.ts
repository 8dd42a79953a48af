/** The anomalies that a list-append history can show, by the names of Adya (1999) and Elle (2020). */
import type { Name } from "./transaction.ts";

/** From weak to strong. Snapshot isolation and serializability are not ordered; strict serializability is above all. */
export type IsolationLevel = "read committed" | "snapshot isolation" | "serializable" | "strict serializable";

/** What a cycle of dependencies is called by its edges. */
export type CycleName = "G0" | "G1c" | "G-single" | "G-nonadjacent" | "G2-item";

/** What an anomaly is called. */
export type AnomalyName =
  | CycleName
  /** The cycle needs the order in real time: somebody saw the past. */
  | `${CycleName}-realtime`
  /** A committed transaction read what an aborted one wrote. */
  | "G1a"
  /** A transaction saw another's lists between two of its appends. */
  | "G1b"
  /** A transaction's reads contradict one another or its own appends. */
  | "internal"
  /** Two reads of a list, neither of which continues the other. */
  | "incompatible order"
  /** An element is in a list twice. */
  | "duplicate"
  /** An element that nobody appended. */
  | "garbage"
  /** A transaction's later append is there, an earlier one to the same list is not. */
  | "lost append"
  /** Transactions read the same state of a list, and each appended to it. */
  | "lost update";

/** One thing that cannot be under some levels of isolation. */
export interface Anomaly {
  readonly name: AnomalyName;
  /** What happened, in one line; for a cycle, the cycle: `T1 -ww(x: 1 before 2)-> T2 -rw(...)-> T1`. */
  readonly text: string;
  /** The transactions in it; for a cycle, in its order. */
  readonly transactions: readonly Name[];
  /** The levels that do not allow it. */
  readonly rulesOut: readonly IsolationLevel[];
}

const STRICT = ["strict serializable"] as const;
const SERIALIZABLE = ["serializable", ...STRICT] as const;
const SNAPSHOT = ["snapshot isolation", ...SERIALIZABLE] as const;
const ALL = ["read committed", ...SNAPSHOT] as const;

/** The levels that an anomaly rules out. */
export function ruledOutBy(name: AnomalyName): readonly IsolationLevel[] {
  switch (name) {
    case "G0":
    case "G1a":
    case "G1b":
    case "G1c":
    case "incompatible order":
    case "duplicate":
    case "garbage":
    case "lost append":
      return ALL;
    case "internal":
    case "lost update":
    case "G-single":
    case "G-nonadjacent":
      return SNAPSHOT;
    case "G2-item":
      return SERIALIZABLE;
    case "G0-realtime":
    case "G1c-realtime":
    case "G-single-realtime":
    case "G-nonadjacent-realtime":
    case "G2-item-realtime":
      return STRICT;
  }
}
