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

const FIND = "SELECT key, fingerprint, output, fault FROM isomer_idempotency WHERE operation = ? AND key IN (?, ?)";
const INSERT =
  "INSERT INTO isomer_idempotency (operation, key, fingerprint, output, fault, at) VALUES (?, ?, ?, ?, ?, ?)";
const PRUNE = `DELETE FROM isomer_idempotency WHERE (operation, key) IN
  (SELECT operation, key FROM isomer_idempotency WHERE at < ? ORDER BY at LIMIT ?)`;

/** What was recorded under a key. */
export type Recorded = { readonly output: unknown } | { readonly fault: FaultData };

/** What a request is recognised by when it comes again. */
export interface Asked {
  readonly key: string;
  /** What was sent; what this build fills in is not part of it. */
  readonly input: unknown;
  readonly subject: string | undefined;
  /** Whether this build's schema marks something in the input as secret. */
  readonly hasSecrets: boolean;
}

/** A key under which a request may stand in the table, and the fingerprint that it has there. */
interface Form {
  readonly key: string;
  readonly print: (text: string) => string;
}

/** Where the answer to a request is kept. */
export interface Slot {
  readonly key: string;
  /** Identifies the request besides its key: the input, and on whose behalf. */
  readonly fingerprint: () => string;
  /** The keys under which it may be recorded, this one and another build's. */
  readonly keys: () => readonly [string, string];
  /** Whether a record under one of these keys is of this request. */
  readonly isOf: (key: string, fingerprint: string) => boolean;
}

/**
 * Where a request is recorded. Another build must find it, and this one what another recorded: so the fingerprint owes
 * nothing to the order in which a schema lists its properties, and what one build marks as secret and another does not is
 * looked up both ways. Builds of before had the order of their schema, which is a text of the same request.
 */
export function slotOf(crypto: Crypto, { key, input, subject, hasSecrets }: Asked): Slot {
  const print = (text: string): string => toBase64Url(crypto.sha256(`${subject ?? ""}\n${text}`).subarray(0, 16));
  const plain: Form = { key, print };
  const own = hasSecrets ? veiled(crypto, plain) : plain;
  const other = (): Form => (hasSecrets ? plain : veiled(crypto, plain));
  let fingerprint: string | undefined;
  return {
    key: own.key,
    fingerprint: () => (fingerprint ??= own.print(canonicalJson(input))),
    keys: () => [own.key, other().key],
    isOf(recorded, found) {
      const form = recorded === own.key ? own : other();
      return found === form.print(canonicalJson(input)) || found === form.print(JSON.stringify(input));
    },
  };
}

/**
 * The form of a request that holds a secret. A plain digest would let whoever reads the database guess passwords at the
 * speed of SHA-256; so the fingerprint is a MAC under the key, and of the key only a digest is kept.
 */
function veiled(crypto: Crypto, { key, print }: Form): Form {
  return {
    key: `sha256:${toBase64Url(crypto.sha256(key))}`,
    print: (text) => toBase64Url(crypto.hmacSha256(key, print(text)).subarray(0, 16)),
  };
}

/** @throws {KeyReused} when the key was used for another request. */
export async function findRecorded(
  connection: SqlConnection,
  operation: string,
  slot: Slot,
): Promise<Recorded | undefined> {
  const rows = await connection.all<RecordRow>(FIND, [operation, ...slot.keys()]);
  const row = rows.find(({ key }) => key === slot.key) ?? rows[0];
  if (row === undefined) return undefined;
  if (!slot.isOf(row.key, row.fingerprint)) throw KeyReused.with({ operation });
  return row.fault === null
    ? { output: row.output === null ? undefined : JSON.parse(row.output) }
    : { fault: JSON.parse(row.fault) as FaultData };
}

type RecordRow = {
  readonly key: string;
  readonly fingerprint: string;
  readonly output: string | null;
  readonly fault: string | null;
};

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
