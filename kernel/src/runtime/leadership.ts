/**
 * Of several replicas of a service, which share its database, one leads: it runs consumers, relay, sagas and jobs. All
 * of them serve calls.
 *
 * The lease is a row with a token, and beside it, in a table of its own, the beat. Whoever leads changes the beat again and
 * again; whoever sees it unchanged for the lease's time takes the lease over, with the next token. Only own monotonic
 * clocks are used, so clocks that differ do no harm (as Kubernetes' leader election does). A leader that was paused may
 * still believe in its lease: so what must not be done by two carries the token into its transaction
 * ({@link Leadership.fence}; Kleppmann, "How to do distributed locking").
 *
 * Why what a deposed leader writes never commits after its successor took over:
 *  - a fenced transaction locks the lease's row `FOR SHARE`, sees its own token there, and holds the lock until it has
 *    committed or is undone;
 *  - whoever takes the lease over updates that row, which waits for all such locks. So when the new token is there, no
 *    transaction with an earlier one is open;
 *  - one that begins after that finds the new token, in whatever isolation: `FOR SHARE` reads the row as it is now, or,
 *    where that is younger than the transaction's snapshot, fails as a conflict, and the transaction begins anew.
 * SQLite has one writer at a time, which comes to the same.
 *
 * The beat takes no part in that. It has a row of its own because PostgreSQL lets new share locks pass an update that
 * waits: a leader with much to write would never get its own beat through. While a taker waits for the locks, the leader
 * may beat: the taker's last statement looks at the beat again, and undoes the taking when it has moved.
 *
 * Across a crash: a replica that starts again under its name takes its lease back at once; another waits for its time.
 */
import type { Clock, Logger, Random, Timer } from "../std/mod.ts";
import type { Database, Migration, SqlConnection } from "../store/mod.ts";
import { LeaseLost } from "./faults.ts";

/** The table of leases. */
export const leaseMigrations: readonly Migration[] = [
  {
    name: "0001_lease",
    sql: `CREATE TABLE isomer_lease (
      name TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, beat BIGINT NOT NULL)`,
  },
  {
    name: "0002_beat",
    sql: "CREATE TABLE isomer_beat (name TEXT PRIMARY KEY, token BIGINT NOT NULL, beat BIGINT NOT NULL)",
  },
];

const LEASE = "lead";
const LEASE_MS = 5_000;
/** How often a leader says that it is there, and others look, as a part of the lease's time. */
const BEATS = 4;

/** How long a process may stand still within a fenced transaction, or while it writes the lease, in milliseconds: nobody else can lead meanwhile. */
const STILL_MS = 2_000;

// The lease's own beat is that of older builds, which knew no other; giving the lease back changes it as well.
const FIND = `SELECT l.holder, l.token, l.beat, coalesce(b.token, 0) AS beating, coalesce(b.beat, 0) AS beats
  FROM isomer_lease l LEFT JOIN isomer_beat b ON b.name = l.name WHERE l.name = ?`;
const TAKE_FIRST = "INSERT INTO isomer_lease (name, holder, token, beat) VALUES (?, ?, 1, 0) ON CONFLICT DO NOTHING";
const TAKE =
  "UPDATE isomer_lease SET holder = ?, token = token + 1, beat = 0 WHERE name = ? AND token = ? AND beat = ?";
const TAKE_BEAT = `INSERT INTO isomer_beat (name, token, beat) VALUES (?, ?, 0)
  ON CONFLICT (name) DO UPDATE SET token = excluded.token, beat = 0 WHERE isomer_beat.token = ? AND isomer_beat.beat = ?`;
const BEAT = `UPDATE isomer_beat SET beat = beat + 1 WHERE name = ? AND token = ?
  AND token = (SELECT l.token FROM isomer_lease l WHERE l.name = isomer_beat.name)`;
const RELEASE = "UPDATE isomer_lease SET holder = '', beat = beat + 1 WHERE name = ? AND token = ?";
const HELD = "SELECT token FROM isomer_lease WHERE name = ?";
const IMPATIENT = `SELECT set_config('idle_in_transaction_session_timeout', '${STILL_MS}', true)`;

/** Undoes a taking: the leader has beaten meanwhile. */
const ALIVE: unique symbol = Symbol("the leader is alive");

/** What a {@link Leadership} is made of. */
export interface LeadershipOptions {
  readonly service: string;
  readonly database: Database;
  /** The replica's name: no other that runs may have it. */
  readonly replica: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How long a leader may be silent before another takes over, in milliseconds; 5,000 unless said. */
  readonly leaseMs?: number;
  /** This replica leads from now on. */
  readonly gained: (token: number) => Promise<void>;
  /** It does not any more: what was begun must end without being completed here. */
  readonly lost: () => Promise<void>;
}

interface LeaseRow {
  readonly holder: string;
  readonly token: number;
  readonly beat: number;
  /** Whose beats they are, and how many. */
  readonly beating: number;
  readonly beats: number;
}

/** One replica's part in the election. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #leaseMs: number;
  #token: number | undefined;
  /** When the lease was surely held: the begin of the last beat that succeeded. */
  #heldAt = 0;
  #seen: { readonly row: LeaseRow; readonly since: number } | undefined;
  #timer: Timer | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** The token of the lease while it is held. */
  get token(): number | undefined {
    return this.#token;
  }

  /** Tries once, and goes on trying. Resolves after the first try. */
  start(): Promise<void> {
    this.#turn = this.#step();
    return this.#turn;
  }

  /** Gives the lease back, so that another need not wait for its time. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#turn;
    const token = this.#token;
    if (token === undefined) return;
    await this.#stepDown();
    const { clock, log, service } = this.#options;
    try {
      await this.#write("release", clock.monotonicMs(), (connection) => connection.run(RELEASE, [LEASE, token]));
    } catch (error) {
      log.debug("The lease could not be given back; it runs out.", { service, error });
    }
  }

  /**
   * Makes a transaction one of this token's: while it is open nobody takes the lease over. So it must not stand still: on
   * PostgreSQL the server ends one that sends nothing for two seconds, and it runs again.
   * @throws {LeaseLost} when somebody did.
   */
  static async fence(connection: SqlConnection, service: string, token: number): Promise<void> {
    const isPostgres = connection.dialect === "postgres";
    // Sent together: one round trip.
    const [[row]] = await Promise.all([
      connection.all<{ token: number }>(isPostgres ? `${HELD} FOR SHARE` : HELD, [LEASE]),
      isPostgres ? connection.all(IMPATIENT) : undefined,
    ]);
    if (row?.token !== token) throw LeaseLost.with({ service });
  }

  async #step(): Promise<void> {
    const { clock, random, log, service } = this.#options;
    try {
      await (this.#token === undefined ? this.#try() : this.#beat(this.#token));
    } catch (error) {
      log.debug("The lease could not be looked at; it is tried again.", { service, error });
    }
    if (this.#token !== undefined && clock.monotonicMs() - this.#heldAt > this.#leaseMs) await this.#stepDown();
    if (this.#stopped) return;
    this.#timer = clock.after((this.#leaseMs / BEATS) * (0.8 + random.next() * 0.4), () => {
      this.#turn = this.#step();
    });
  }

  async #try(): Promise<void> {
    const { clock, replica, log, service, gained } = this.#options;
    const begunAt = clock.monotonicMs();
    const token = await this.#take(begunAt);
    if (token === undefined || this.#stopped) return;
    this.#token = token;
    this.#heldAt = begunAt;
    this.#seen = undefined;
    log.info("This replica leads.", { service, replica, token });
    try {
      await gained(token);
    } catch (error) {
      log.error("What a leader does could not be begun; another may lead.", { service, replica, error });
      await this.#stepDown();
    }
  }

  /** Takes the lease when it is free; resolves to its token then. */
  async #take(begunAt: number): Promise<number | undefined> {
    const { replica } = this.#options;
    try {
      return await this.#write("take", begunAt, async (connection) => {
        const [row] = await connection.all<LeaseRow>(FIND, [LEASE]);
        if (row !== undefined && !this.#isFree(row, begunAt)) return undefined;
        const token = await takeRow(connection, replica, row);
        if (token === undefined) return undefined;
        const { beating = 0, beats = 0 } = row ?? {};
        if ((await connection.run(TAKE_BEAT, [LEASE, token, beating, beats])) !== 1) throw ALIVE;
        return token;
      });
    } catch (error) {
      if (error === ALIVE) return undefined;
      throw error;
    }
  }

  /**
   * Whether whoever holds it has been silent for the lease's time: surely from when its row was seen first until this look
   * began. What lies before, while the database was slow to answer, says nothing of the holder.
   */
  #isFree(row: LeaseRow, begunAt: number): boolean {
    const { replica, clock } = this.#options;
    if (row.holder === "" || row.holder === replica) return true;
    if (this.#seen === undefined || !isSame(this.#seen.row, row)) {
      this.#seen = { row, since: clock.monotonicMs() };
      return false;
    }
    return begunAt - this.#seen.since >= this.#leaseMs;
  }

  async #beat(token: number): Promise<void> {
    const begunAt = this.#options.clock.monotonicMs();
    const beaten = await this.#write("beat", this.#heldAt, (connection) => connection.run(BEAT, [LEASE, token]));
    if (beaten === 1) this.#heldAt = begunAt;
    else await this.#stepDown();
  }

  async #stepDown(): Promise<void> {
    if (this.#token === undefined) return;
    const { log, service, replica, lost } = this.#options;
    this.#token = undefined;
    if (!this.#stopped) log.warn("This replica leads no longer.", { service, replica });
    await lost();
  }

  /** Writes the lease: never behind the service's own work, and not for longer than the lease's time. */
  #write<T>(what: string, sinceMs: number, body: (connection: SqlConnection) => Promise<T>): Promise<T> {
    const { service, database } = this.#options;
    const label = `${service}.lease.${what}`;
    const deadlineAt = sinceMs + this.#leaseMs;
    return database.write({ label, isolation: "read committed", urgent: true, deadlineAt }, async (connection) => {
      // A process that is stopped before its commit has the rows that the others wait for.
      const [, value] = await Promise.all([
        connection.dialect === "postgres" ? connection.all(IMPATIENT) : undefined,
        body(connection),
      ]);
      return value;
    });
  }
}

/** Puts the holder and the next token into the lease, if it is still as it was seen; resolves to that token then. */
async function takeRow(
  connection: SqlConnection,
  replica: string,
  row: LeaseRow | undefined,
): Promise<number | undefined> {
  if (row === undefined) return (await connection.run(TAKE_FIRST, [LEASE, replica])) === 1 ? 1 : undefined;
  const taken = await connection.run(TAKE, [replica, LEASE, row.token, row.beat]);
  return taken === 1 ? row.token + 1 : undefined;
}

function isSame(a: LeaseRow, b: LeaseRow): boolean {
  return a.token === b.token && a.beat === b.beat && a.beating === b.beating && a.beats === b.beats;
}
