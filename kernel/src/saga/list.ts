/** Sagas listed for operators. */
import type { SqlConnection, SqlValue } from "../store/mod.ts";
import { ROW_COLUMNS, type SagaRow } from "./records.ts";
import type { SagaStatus } from "./saga.ts";

/** Which sagas to list. */
export interface SagaListRequest {
  readonly status?: SagaStatus;
  /** At most this many; 50 unless said, 500 at most. */
  readonly limit?: number;
  /** Only those with a greater id: the last one of the page before. */
  readonly after?: string;
}

const LIMIT = 50;
const LIMIT_MAX = 500;
const ENDED: ReadonlySet<SagaStatus> = new Set(["completed", "compensated", "aborted"]);

const ALL = `SELECT ${ROW_COLUMNS} FROM isomer_saga WHERE id > ? ORDER BY id LIMIT ?`;
const IN_STATUS = `SELECT ${ROW_COLUMNS} FROM isomer_saga WHERE id > ? AND status = ? ORDER BY id LIMIT ?`;
// By the index of the unfinished ones, which are few.
const OPEN_IN_STATUS = `SELECT ${ROW_COLUMNS} FROM isomer_saga
  WHERE wake_at IS NOT NULL AND id > ? AND status = ? ORDER BY id LIMIT ?`;

/** The rows of a page. */
export function listRows(connection: SqlConnection, request: SagaListRequest): Promise<SagaRow[]> {
  const { status, after = "" } = request;
  const limit = Math.min(Math.max(1, request.limit ?? LIMIT), LIMIT_MAX);
  if (status === undefined) return connection.all<SagaRow>(ALL, [after, limit]);
  const parameters: readonly SqlValue[] = [after, status, limit];
  return connection.all<SagaRow>(ENDED.has(status) ? IN_STATUS : OPEN_IN_STATUS, parameters);
}
