/** One connection to PostgreSQL. */
import pg from "pg";
import type { Row, SqlValue } from "../../store/mod.ts";
import { KnownColumns } from "./known-columns.ts";
import type { Texts } from "./texts.ts";
import { bound, types } from "./values.ts";

const CONNECT_MS = 5_000;
/** How long a connection that holds a transaction may stay silent, in milliseconds, beyond what a body may take. */
const IDLE_MORE_MS = 5_000;

/** How a connection is made. */
export interface ConnectionOptions {
  readonly url: string;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** How long a statement may take at most, in milliseconds; 0 for as long as it wants. */
  readonly longestMs: number;
  readonly texts: Texts;
}

/** What a statement was answered. */
export interface Answer {
  readonly rows: Row[];
  /** How many rows it changed or gave. */
  readonly count: number;
}

const EVERYTHING = new KnownColumns();
/** Copies of a cluster, and what is restored from its log, have the same. */
const CLUSTER = "SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()";

/** A connection with its prepared statements. Statements are sent at once and answered in order. */
export class Connection {
  readonly #client: pg.Client;
  readonly #texts: Texts;
  #broken = false;
  /** When it was last given back, on the monotonic clock. */
  idleSince = 0;
  /** Which cluster it leads to; "" where the role must not know. */
  cluster = "";
  /** Which renewal of its pool it is from. */
  generation = 0;

  private constructor(client: pg.Client, texts: Texts) {
    this.#client = client;
    this.#texts = texts;
    const gone = (): void => void (this.#broken = true);
    client.on("error", gone);
    client.on("end", gone);
  }

  /** Connects. @throws what the driver does when it cannot. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const client = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      options: sessionOf(options.longestMs),
      types,
      pipeline: true,
    } as pg.ClientConfig);
    const connection = new Connection(client, options.texts);
    try {
      await client.connect();
      connection.cluster = await connection.#clusterOf();
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  /** Whether it is of no use any more. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** Carries a body's statement out. Its rows have the columns that are known; all, unless said. */
  async query(sql: string, parameters: readonly SqlValue[], columns: KnownColumns = EVERYTHING): Promise<Answer> {
    const { text, name } = this.#texts.of(sql);
    const values = bound(parameters);
    // Parameters or not, by the extended protocol: it takes one statement only.
    const query = name === undefined ? { text, values, queryMode: "extended" } : { text, values, name };
    const result = await this.#client.query<SqlValue[]>({ ...query, rowMode: "array" });
    return { rows: columns.rowsOf(result, this.cluster), count: result.rowCount ?? 0 };
  }

  async #clusterOf(): Promise<string> {
    const asked = { text: CLUSTER, rowMode: "array", query_timeout: CONNECT_MS } as const;
    try {
      return (await this.#client.query<[string]>(asked)).rows[0]?.[0] ?? "";
    } catch (error) {
      // What the server itself refuses has a code.
      if (String((error as { code?: unknown }).code).startsWith("42")) return "";
      throw error;
    }
  }

  /** Carries out words of our own, or a script; resolves to the last one's command tag. */
  async control(script: string): Promise<string> {
    const result: pg.QueryResult | pg.QueryResult[] = await this.#client.query(script);
    return (Array.isArray(result) ? result.at(-1) : result)?.command ?? "";
  }

  /** Whether a transaction is open, as of the last answer. */
  get inTransaction(): boolean {
    return this.#client.getTransactionStatus() !== "I";
  }

  /** Says goodbye. */
  async close(): Promise<void> {
    this.#broken = true;
    await this.#client.end().catch(() => {});
  }

  /** Drops the connection without a word: what was under way fails. */
  destroy(): void {
    this.#broken = true;
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }
}

function sessionOf(longestMs: number): string {
  const idleMs = longestMs === 0 ? 0 : longestMs + IDLE_MORE_MS;
  const settings = {
    statement_timeout: longestMs,
    idle_in_transaction_session_timeout: idleMs,
    // Work for a host that is gone ends soon, and with it its locks.
    client_connection_check_interval: longestMs === 0 ? 0 : 1_000,
    client_min_messages: "warning",
    bytea_output: "hex",
    timezone: "UTC",
    jit: "off",
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
}
