/** What one run reached. Faults are told apart by the names of their occasions, calls of sagas by their keys. */
import { FAULT_KINDS, type FaultKind, type FaultRecord, stableName } from "../faults.ts";
import type { SimEvent } from "../history.ts";
import type { SagaTrace } from "../saga-traces.ts";
import type { RunResult } from "../simulation.ts";
import { type Coverage, Tally } from "./coverage.ts";

/** What can happen to a step of a saga; `…/undo` is a step, too. */
export type StepEvent =
  | "done"
  | "failed"
  | "unanswered"
  | "late"
  | "doubled"
  | "repeated"
  | "crashed"
  | "unknown"
  | "undone";

/** What faults at a message or at a transaction do to what is under way. */
const EFFECTS: Partial<Record<FaultKind, StepEvent>> = {
  "request delayed": "late",
  "reply delayed": "late",
  "request doubled": "doubled",
  "crash before statement": "crashed",
  "crash after statement": "crashed",
  "crash before commit": "crashed",
  "crash after commit": "crashed",
  "crash on arrival": "crashed",
  "crash before reply": "crashed",
};
const IN_TRANSACTIONS = new Set<FaultKind>([
  ...(["serialization failure", "deadlock", "connection lost", "commit unknown", "slow database"] as const),
  ...(["crash before statement", "crash after statement", "crash before commit", "crash after commit"] as const),
]);
const CALL = /^[\w-]+\.[\w-]+$/;
const STEP = /^(.+?)\/([^/]+(?:\/undo)?)$/;
const ATTEMPT = / attempt \d+$/;
const ANSWER = /^the answer to /;

/** Counts what a run reached. */
export function coverageOf(result: RunResult): Coverage {
  const tally = new Tally();
  const stepOf = stepNames(result.sagas);
  for (const kind of FAULT_KINDS) tally.count("faults", kind, "happened", 0);
  for (const fault of result.faults) countFault(tally, fault, stepOf);
  for (const saga of result.sagas) countSaga(tally, saga);
  countEvents(tally, result.events, stepOf);
  for (const [note, times] of result.notes) tally.count("notes", note, "noted", times);
  return tally.told(1);
}

/** The step that a call with this key is of. */
type StepOf = (key: string) => string | undefined;

function stepNames(sagas: readonly SagaTrace[]): StepOf {
  const names = new Map(sagas.map(({ id, service, saga }) => [stableName(id), `${service}.${saga}`]));
  return (key) => {
    const [, id = "", step] = STEP.exec(stableName(key)) ?? [];
    const name = names.get(id);
    return name === undefined ? undefined : `${name}.${step}`;
  };
}

function countFault(tally: Tally, { kind, name }: FaultRecord, stepOf: StepOf): void {
  tally.count("faults", kind, "happened");
  const [where = "", what = "", about = ""] = name.split(" ");
  if (IN_TRANSACTIONS.has(kind)) tally.count("transactions", what, kind);
  const effect = EFFECTS[kind];
  if (effect === undefined) return;
  if (where.includes(">") && CALL.test(what)) tally.count("operations", what, effect);
  const step = stepOf(about);
  if (step !== undefined) tally.count("steps", step, effect);
}

function countSaga(tally: Tally, { service, saga, status, steps }: SagaTrace): void {
  const name = `${service}.${saga}`;
  tally.count("sagas", name, status);
  for (const step of steps) {
    tally.count("steps", `${name}.${step.name}`, step.status);
    if (!step.isUndone) continue;
    tally.count("steps", `${name}.${step.name}`, "undone");
    if (step.isCall) tally.count("steps", `${name}.${step.name}/undo`, "done");
  }
}

interface Open {
  readonly ends: readonly string[];
  readonly subject: string;
  readonly step: string | undefined;
}

function countEvents(tally: Tally, events: readonly SimEvent[], stepOf: StepOf): void {
  const open = new Map<number, Open>();
  const asked = new Set<string>();
  const count = ({ subject, step }: Open, what: string, ofStep = what): void => {
    tally.count("operations", subject, what);
    if (step !== undefined) tally.count("steps", step, ofStep);
  };
  for (const { kind, who, whom = "", what, about = "", exchange = 0, outcome } of events) {
    const key = about.replace(ATTEMPT, "");
    if (kind === "commit") tally.count("transactions", what, "committed");
    if (kind === "send" && CALL.test(what)) {
      const step = key.includes("/") ? stepOf(key) : undefined;
      open.set(exchange, { ends: [who, whom], subject: what, step });
      tally.count("operations", what, "called");
      if (step === undefined) continue;
      if (asked.has(key)) tally.count("steps", step, "repeated");
      asked.add(key);
    }
    if (kind === "crash") {
      for (const [number, call] of open) {
        if (!call.ends.includes(who)) continue;
        count(call, "crashed");
        open.delete(number);
      }
    }
    const call = open.get(exchange);
    if (call === undefined || (kind !== "reply" && kind !== "lost")) continue;
    if (kind === "lost") count(call, ANSWER.test(what) ? "answer lost" : "request lost", "unanswered");
    else if (outcome !== undefined) count(call, "failed");
    // What comes after the answer is of no step any more; but the answer itself may be lost.
    if (kind === "lost") open.delete(exchange);
    else open.set(exchange, { ...call, ends: [] });
  }
}
