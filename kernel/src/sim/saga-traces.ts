/** What became of sagas and their steps, read from the journals when a run is over. */
import type { System } from "../runtime/mod.ts";
import type { SimState } from "./properties.ts";

/** A saga that ran. */
export interface SagaTrace {
  readonly service: string;
  readonly saga: string;
  readonly id: string;
  /** How it ended, or where it stands. */
  readonly status: string;
  readonly steps: readonly SagaStepTrace[];
}

/** A step that has an entry in the journal. */
export interface SagaStepTrace {
  readonly name: string;
  /** Whether it calls another service, or is a transaction of its own. */
  readonly isCall: boolean;
  /** `unknown` when nobody knows whether it happened, so that it was taken back in case it did. */
  readonly status: "done" | "failed" | "unknown";
  readonly isUndone: boolean;
}

interface Row {
  readonly id: string;
  readonly saga: string;
  readonly status: string;
  readonly name: string | null;
  readonly kind: string;
  readonly entry: string;
}

const UNDO = "/undo";
const FIND = `SELECT s.id, s.saga, s.status, j.name, j.kind, j.status AS entry FROM isomer_saga s
  LEFT JOIN isomer_saga_journal j ON j.saga_id = s.id AND j.kind IN ('step', 'local', 'undo')
  ORDER BY s.id, j.seq`;

/** Reads the journals of all services that have sagas. */
export function sagaTraces(state: SimState, system: System): readonly SagaTrace[] {
  return system.services
    .filter(({ sagas }) => sagas.length > 0)
    .flatMap(({ contract: { name } }) => {
      const sagas = Map.groupBy(state.rows<Row>(name, FIND), ({ id }) => id);
      return [...sagas.values()].map((rows) => traceOf(name, rows));
    });
}

function traceOf(service: string, rows: readonly Row[]): SagaTrace {
  const [{ id, saga, status }] = rows as [Row];
  const undone = new Set(rows.filter(({ kind }) => kind === "undo").map(({ name }) => name));
  const steps = rows
    .filter((row): row is Row & { name: string } => row.name !== null && row.kind !== "undo")
    .map(({ name, kind, entry }) => ({
      name,
      isCall: kind === "step",
      status: entry as SagaStepTrace["status"],
      isUndone: undone.has(`${name}${UNDO}`),
    }));
  return { service, saga, id, status, steps };
}
