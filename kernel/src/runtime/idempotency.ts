/**
 * Idempotency records: the answer of a command, kept under its key in the transaction that made it.
 *
 * Holds across a crash at any point: a command whose effect is in the database has its record there too, so a
 * repetition finds the answer and changes nothing. (IETF draft-ietf-httpapi-idempotency-key-header; ACP §6.)
 */
import { type Crypto, toBase64Url } from "../security/mod.ts";
import { type FaultData, canonicalJson } from "../std/mod.ts";
import type { Migration, SqlConnection } from "../store/mod.ts";
import { KeyReused } from "./faults.ts";

/** How long an answer is kept. Longer than any client or saga repeats. */
export const RETENTION_MS = 7 * 24 * 3_600_000;

/** The table of the records. */
export const idempotencyMigrations: readonly Migration[] = [
  {
    name: "0001_idempotency",
    sql: `CREATE TABLE isomer_idempotency (
      operation TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
      output TEXT, fault TEXT, at BIGINT NOT NULL, PRIMARY KEY (operation, key));
      CREATE INDEX isomer_idempotency_at ON isomer_idempotency (at);`,
  },
];

const FIND = "SELECT fingerprint, output, fault FROM isomer_idempotency WHERE operation = ? AND key = ?";
const INSERT =
  "INSERT INTO isomer_idempotency (operation, key, fingerprint, output, fault, at) VALUES (?, ?, ?, ?, ?, ?)";
const PRUNE = `DELETE FROM isomer_idempotency WHERE (operation, key) IN
  (SELECT operation, key FROM isomer_idempotency WHERE at < ? ORDER BY at LIMIT ?)`;

/** What was recorded under a key. */
export type Recorded = { readonly output: unknown } | { readonly fault: FaultData };

/**
 * What identifies a request besides its key: the input, and on whose behalf. Inputs that were parsed in the order of
 * their schema have one text already; for others their keys are put in order.
 */
export function fingerprintOf(
  crypto: Crypto,
  {
    input,
    ordered,
    subject,
  }: { readonly input: unknown; readonly ordered: boolean; readonly subject: string | undefined },
): string {
  const text = ordered ? JSON.stringify(input) : canonicalJson(input);
  const digest = crypto.sha256(`${subject ?? ""}\n${text}`);
  return toBase64Url(digest.subarray(0, 16));
}

/**
 * The key and the fingerprint of a request that holds a secret. A plain digest would let whoever reads the database
 * guess passwords at the speed of SHA-256; so the fingerprint is a MAC under the key, and of the key only a digest is kept.
 */
export function veiled(crypto: Crypto, key: string): { readonly key: string; print(plain: string): string } {
  return {
    key: `sha256:${toBase64Url(crypto.sha256(key))}`,
    print: (plain) => toBase64Url(crypto.hmacSha256(key, plain).subarray(0, 16)),
  };
}

/** @throws {KeyReused} when the key was used for another request. */
export async function findRecorded(
  connection: SqlConnection,
  operation: string,
  key: string,
  fingerprint: () => string,
): Promise<Recorded | undefined> {
  const rows = await connection.all<{ fingerprint: string; output: string | null; fault: string | null }>(FIND, [
    operation,
    key,
  ]);
  const row = rows[0];
  if (row === undefined) return undefined;
  if (row.fingerprint !== fingerprint()) throw KeyReused.with({ operation });
  return row.fault === null
    ? { output: row.output === null ? undefined : JSON.parse(row.output) }
    : { fault: JSON.parse(row.fault) as FaultData };
}

/** What is to be recorded. */
export interface Entry {
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly output?: unknown;
  readonly fault?: FaultData;
  readonly at: number;
}

/** Records an answer. */
export async function record(connection: SqlConnection, entry: Entry): Promise<void> {
  await connection.run(INSERT, [
    entry.operation,
    entry.key,
    entry.fingerprint,
    entry.output === undefined ? null : JSON.stringify(entry.output),
    entry.fault === undefined ? null : JSON.stringify(entry.fault),
    entry.at,
  ]);
}

/** Deletes records from before a moment, at most `limit`; resolves to how many. */
export function pruneRecords(connection: SqlConnection, before: number, limit: number): Promise<number> {
  return connection.run(PRUNE, [before, limit]);
}
