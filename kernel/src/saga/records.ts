/** Sagas and their journal as rows. */
import type { Criticality, Identity } from "../contract/mod.ts";
import { type TraceContext, formatTraceparent, parseTraceparent } from "../observe/mod.ts";
import { type Schema, pruner } from "../schema/mod.ts";
import { Fault, type FaultData, faultFrom } from "../std/mod.ts";
import type { Saga, SagaStatus, SagaView } from "./saga.ts";

/** On whose behalf a saga runs, how much it matters, and the trace that its calls continue. Kept with it. */
export interface SagaOrigin {
  readonly identity: Identity | undefined;
  readonly criticality: Criticality;
  readonly trace: TraceContext | undefined;
}

/** A row of `isomer_saga`. The fiber that runs the saga keeps one, and writes it when it stops. */
export type SagaRow = {
  readonly id: string;
  readonly saga: string;
  readonly version: number;
  status: SagaStatus;
  readonly input: string;
  output: string | null;
  fault: string | null;
  step: string | null;
  attempts: number;
  doubtful: number;
  wake_at: number | null;
  readonly identity: string | null;
  readonly criticality: Criticality;
  readonly trace: string | null;
  readonly started_at: number;
  updated_at: number;
  pivoted: number;
};

/** What a journal entry is of. */
export type EntryKind = "step" | "local" | "wait" | "sleep" | "now" | "pivot" | "undo" | "turn" | "abort";

/**
 * `done`: it happened, the value is its result. `failed`: it certainly did not happen, the value is the fault.
 * `unknown`: nobody knows whether it happened, the value is the fault. `open`: a wait that goes on.
 */
export type EntryStatus = "done" | "failed" | "unknown" | "open";

/** A row of `isomer_saga_journal`, as far as a replay needs it. */
export type Entry = {
  readonly name: string;
  readonly kind: EntryKind;
  readonly status: EntryStatus;
  readonly value: string | null;
  /** Grows within a journal. */
  readonly seq: number;
};

// The names that the engine keeps for itself. Steps cannot be called so.

/** Past this entry there is no way back. */
export const PIVOT = "$pivot";
/** The saga turned back; the entry holds a {@link Turn}. */
export const TURN = "$turn";
/** An operator asked for the saga to be taken back. */
export const ABORT = "$abort";
/** An operator ended the saga where there is no way back. */
export const ABANDON = "$abandon";
/** What the view names when `settled` fails. */
export const LAST_WORD = "$settled";
/** What the view names when the body itself fails, between steps. */
export const BODY = "$body";

/** The step's name in the journal for taking it back, and the end of its idempotency key. */
export function undoName(step: string): string {
  return `${step}/undo`;
}

/** What the turn's entry holds: why, and which steps are to be taken back, the last first. */
export interface Turn {
  readonly fault: FaultData;
  readonly undo: readonly string[];
}

/** The columns of a row, in the order of its parameters. */
export const ROW_COLUMNS =
  "id, saga, version, status, input, output, fault, step, attempts, doubtful, wake_at, identity, criticality, trace, started_at, updated_at, pivoted";

/** Starts a saga, unless one with its id was started. */
export const INSERT_SAGA = `INSERT INTO isomer_saga (${ROW_COLUMNS})
  VALUES (?, ?, ?, 'running', ?, NULL, NULL, NULL, 0, 0, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING`;

/** Adds to the journal. A commit whose outcome got lost may be repeated: the entry that is there is this one. */
export const INSERT_ENTRY = `INSERT INTO isomer_saga_journal (saga_id, name, kind, status, value, seq)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (saga_id, name) DO NOTHING`;

/** Adds to the journal, or says what became of what was there. */
export const UPSERT_ENTRY = `INSERT INTO isomer_saga_journal (saga_id, name, kind, status, value, seq)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (saga_id, name) DO UPDATE SET status = excluded.status, value = excluded.value`;

/** Finds a saga that has ended. */
export const FIND_ENDED = "SELECT id FROM isomer_saga WHERE id = ? AND wake_at IS NULL";

/**
 * Writes how far a saga is. One that has ended stays ended: what is repeated after a commit whose outcome got lost may be
 * from before the end.
 */
export const UPDATE_SAGA = `UPDATE isomer_saga SET status = ?, output = ?, fault = ?, step = ?, attempts = ?, doubtful = ?,
  wake_at = ?, updated_at = ?, pivoted = ? WHERE id = ? AND wake_at IS NOT NULL`;

/** Writes that a saga waits. A signal that came since has set an earlier moment, which must stand. */
export const UPDATE_WAITING = `UPDATE isomer_saga SET status = ?, output = ?, fault = ?, step = ?, attempts = ?, doubtful = ?,
  wake_at = CASE WHEN wake_at < ? THEN wake_at ELSE ? END, updated_at = ?, pivoted = ? WHERE id = ? AND wake_at IS NOT NULL`;

/** A value as JSON text; nothing is null. */
export function encode(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** The value of a text that {@link encode} made. */
export function decode(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}

/** A stored text without what this build does not know: a newer one may have written it, with more in it. */
export function readable(schema: Schema, text: string | null): string | null {
  if (text === null) return null;
  const value: unknown = JSON.parse(text);
  const known = pruner(schema)(value);
  return known === value ? text : JSON.stringify(known);
}

/** A stored saga without what this build's code of it does not know. */
export function readableRow(saga: Saga | undefined, row: SagaRow): SagaRow {
  if (saga === undefined) return { ...row };
  const input = readable(saga.input, row.input) ?? row.input;
  return { ...row, input, output: readable(saga.output, row.output) };
}

/** A fault as it is kept, whichever build made it. */
export function encodeFault({ code, kind, message, data }: Fault): string {
  return JSON.stringify({ code, kind, message, data } satisfies FaultData);
}

/** The fault of a text that {@link encodeFault} made. */
export function decodeFault(text: string | null): Fault {
  return faultFrom(decode(text) as FaultData);
}

/** On whose behalf a stored saga runs. */
export function originOf(row: SagaRow): SagaOrigin {
  return {
    identity: decode(row.identity) as Identity | undefined,
    criticality: row.criticality,
    trace: row.trace === null ? undefined : parseTraceparent(row.trace),
  };
}

/** What a saga is started with. */
export interface SagaStart {
  readonly id: string;
  readonly saga: string;
  readonly version: number;
  readonly input: unknown;
  readonly now: number;
}

/** A new saga's row. */
export function newRow({ id, saga, version, input, now }: SagaStart, origin: SagaOrigin): SagaRow {
  return {
    id,
    saga,
    version,
    status: "running",
    input: JSON.stringify(input),
    output: null,
    fault: null,
    step: null,
    attempts: 0,
    doubtful: 0,
    wake_at: now,
    identity: encode(origin.identity),
    criticality: origin.criticality,
    trace: origin.trace === undefined ? null : formatTraceparent(origin.trace),
    started_at: now,
    updated_at: now,
    pivoted: 0,
  };
}

/** A saga as callers and operators see it. */
export function viewOf(row: SagaRow): SagaView {
  return {
    id: row.id,
    saga: row.saga,
    version: row.version,
    status: row.status,
    output: row.status === "completed" ? decode(row.output) : undefined,
    fault: decode(row.fault) as SagaView["fault"],
    step: row.step ?? undefined,
    attempts: row.attempts,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
  };
}
