/** Snapshots: a state that need not be computed again. Losing them costs time, nothing else. */
import type { Migration, SqlConnection } from "../store/mod.ts";

/** The table of snapshots: the newest of each aggregate. */
export const sourcingMigrations: readonly Migration[] = [
  {
    name: "0001_sourcing_snapshot",
    sql: `CREATE TABLE isomer_snapshot (
      aggregate TEXT NOT NULL,
      key TEXT NOT NULL,
      revision INTEGER NOT NULL,
      version BIGINT NOT NULL,
      state TEXT NOT NULL,
      PRIMARY KEY (aggregate, key));`,
  },
];

const READ = "SELECT version, state FROM isomer_snapshot WHERE aggregate = ? AND key = ? AND revision = ?";
const SAVE = `INSERT INTO isomer_snapshot (aggregate, key, revision, version, state) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (aggregate, key) DO UPDATE
  SET revision = excluded.revision, version = excluded.version, state = excluded.state`;

/** Which snapshots: a form of an aggregate's state. */
export interface SnapshotOf {
  readonly name: string;
  readonly revision: number;
}

/** The newest snapshot, if there is one of this revision. */
export async function readSnapshot<State>(
  connection: SqlConnection,
  aggregate: SnapshotOf,
  id: string,
): Promise<{ readonly version: number; readonly state: State } | undefined> {
  const [row] = await connection.all<{ version: number; state: string }>(READ, [
    aggregate.name,
    id,
    aggregate.revision,
  ]);
  return row === undefined ? undefined : { version: row.version, state: JSON.parse(row.state) as State };
}

/** Keeps a state in place of the last one kept. */
export async function saveSnapshot(
  connection: SqlConnection,
  aggregate: SnapshotOf,
  id: string,
  at: { readonly version: number; readonly state: unknown },
): Promise<void> {
  await connection.run(SAVE, [aggregate.name, id, aggregate.revision, at.version, JSON.stringify(at.state)]);
}
