/**
 * Of several replicas of a service, which share its database, one leads: it runs consumers, relay, sagas and jobs. All
 * of them serve calls.
 *
 * The lease is a row. Whoever leads changes it again and again; whoever sees it unchanged for the lease's time takes it
 * over, with the next token. Only own monotonic clocks are used, so clocks that differ do no harm (as Kubernetes' leader
 * election does). A leader that was paused may still believe in its lease: so what must not be done by two carries the
 * token into its transaction ({@link Leadership.fence}; Kleppmann, "How to do distributed locking").
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
];

const LEASE = "lead";
const LEASE_MS = 5_000;
/** How often a leader says that it is there, and others look, as a part of the lease's time. */
const BEATS = 4;

const FIND = "SELECT holder, token, beat FROM isomer_lease WHERE name = ?";
const TAKE_FIRST = "INSERT INTO isomer_lease (name, holder, token, beat) VALUES (?, ?, 1, 0) ON CONFLICT DO NOTHING";
const TAKE =
  "UPDATE isomer_lease SET holder = ?, token = token + 1, beat = 0 WHERE name = ? AND token = ? AND beat = ?";
const BEAT = "UPDATE isomer_lease SET beat = beat + 1 WHERE name = ? AND token = ?";
const RELEASE = "UPDATE isomer_lease SET holder = '', beat = beat + 1 WHERE name = ? AND token = ?";
const HELD = "SELECT token FROM isomer_lease WHERE name = ?";

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
    const { database, log, service } = this.#options;
    try {
      await database.write(this.#label("release"), (connection) => connection.run(RELEASE, [LEASE, token]));
    } catch (error) {
      log.debug("The lease could not be given back; it runs out.", { service, error });
    }
  }

  /**
   * Makes a transaction one of this token's: while it is open nobody takes the lease over.
   * @throws {LeaseLost} when somebody did.
   */
  static async fence(connection: SqlConnection, service: string, token: number): Promise<void> {
    const sql = connection.dialect === "postgres" ? `${HELD} FOR SHARE` : HELD;
    const [row] = await connection.all<{ token: number }>(sql, [LEASE]);
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
    const { clock, database, replica, log, service, gained } = this.#options;
    const begunAt = clock.monotonicMs();
    const token = await database.write(this.#label("take"), async (connection) => {
      const [row] = await connection.all<LeaseRow>(FIND, [LEASE]);
      if (row === undefined) return (await connection.run(TAKE_FIRST, [LEASE, replica])) === 1 ? 1 : undefined;
      if (!this.#isFree(row, begunAt)) return undefined;
      const taken = await connection.run(TAKE, [replica, LEASE, row.token, row.beat]);
      return taken === 1 ? row.token + 1 : undefined;
    });
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

  #isFree(row: LeaseRow, now: number): boolean {
    if (row.holder === "" || row.holder === this.#options.replica) return true;
    const { row: before, since } = this.#seen ?? { row: undefined, since: now };
    if (before?.token !== row.token || before.beat !== row.beat) {
      this.#seen = { row, since: now };
      return false;
    }
    return now - since >= this.#leaseMs;
  }

  async #beat(token: number): Promise<void> {
    const { clock, database } = this.#options;
    const begunAt = clock.monotonicMs();
    const options = { ...this.#label("beat"), deadlineAt: this.#heldAt + this.#leaseMs };
    const beaten = await database.write(options, (connection) => connection.run(BEAT, [LEASE, token]));
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

  #label(what: string): { readonly label: string } {
    return { label: `${this.#options.service}.lease.${what}` };
  }
}
