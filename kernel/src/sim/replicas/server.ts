/**
 * The simulated database server: one machine with the databases that replicas share, as one PostgreSQL has them.
 *
 * A database runs one transaction at a time; the others wait for it, as for locks. Each statement is a message there and
 * one back. So a client may stand still, die or be cut off with its transaction open: a dead one's is undone when its
 * connection ends, a silent one's after a while. A commit is on the disk before it is answered. When the server dies,
 * what is committed stays, every connection is lost, and clients whose commit was under way do not know.
 */
import { Transaction } from "../../sqlite/mod.ts";
import {
  ConnectionLost,
  Contended,
  type MigrationColumns,
  type MigrationSet,
  type SqlConnection,
  columnsAhead,
} from "../../store/mod.ts";
import { ReadingConnection } from "../crashpoint.ts";
import type { Faults } from "../faults.ts";
import type { History } from "../history.ts";
import type { Incarnation, Machine } from "../machine.ts";
import type { Network } from "../network.ts";
import type { Engine } from "../real/engine.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Disks } from "../storage.ts";
import { DatabaseSession, type SessionParts } from "./session.ts";

/** The name of the server's machine. */
export const DATABASE = "database";

/** How long a transaction may stay open without a word of its client, in milliseconds. */
const IDLE_MS = 1_500;
/** How long a commit is on its way to the disk, in milliseconds: at least, and what is added at most. */
const SYNC_MS = 0.2;
const SYNC_JITTER_MS = 1;
const SLOW_MS = 400;

/** What the server is made of. */
export interface ServerParts {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly faults: Faults;
  readonly history: History;
  readonly disks: Disks;
  /** Hears what was reached. */
  readonly note: (what: string) => void;
}

interface Lane {
  readonly engine: Engine;
  holder: DatabaseSession | undefined;
  readonly waiting: Map<DatabaseSession, () => void>;
  /** The columns that rows of a build are without; all are found out anew after a migration. */
  readonly leftOut: Map<readonly MigrationSet[], ReadonlySet<string>>;
  /** Who took the lease of the service last, and which life of it. */
  leader: { readonly name: string; readonly life: Incarnation } | undefined;
}

/** The server and the transactions under way in it. */
export class DatabaseServer {
  readonly #parts: ServerParts;
  readonly #lanes = new Map<string, Lane>();

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  get machine(): Machine {
    return this.#parts.machine;
  }

  /** Whether its process runs. */
  get isUp(): boolean {
    return this.machine.incarnation !== undefined;
  }

  /** Starts its process. */
  start(): void {
    this.machine.born();
  }

  /** Its process dies: connections are lost, open transactions undone. A commit under way has reached the disk, or not. */
  dies(): void {
    const { faults } = this.#parts;
    this.machine.dies();
    for (const lane of this.#lanes.values()) {
      const { holder, engine } = lane;
      if (holder === undefined) continue;
      const cut = [holder, ...lane.waiting.keys()];
      lane.waiting.clear();
      lane.holder = undefined;
      const isFlushed = holder.isCommitting && faults.amount("flushed", holder.parts.occasion) < 0.5;
      if (isFlushed) this.#commitNow(lane, holder);
      else engine.session.rollback();
      for (const session of cut) {
        session.isOver = true;
        session.reset();
      }
    }
  }

  /** A connection of a client's, for one transaction. */
  connect(parts: Omit<SessionParts, "network" | "scheduler" | "server" | "amount">): DatabaseSession {
    const { network, scheduler, faults, machine } = this.#parts;
    const amount = (what: string, occasion: string): number => faults.amount(what, occasion);
    return new DatabaseSession({ ...parts, network, scheduler, server: machine, amount });
  }

  /** Carries something out in a session's transaction, which begins with the first such thing. */
  async carryOut<T>(session: DatabaseSession, statement: (connection: SqlConnection) => Promise<T>): Promise<T> {
    await this.#hold(session);
    if (session.isOver || session.connection === undefined) throw this.#gone(session);
    session.heardAt = this.#parts.scheduler.now;
    return statement(session.connection);
  }

  /** Does something between two transactions, alone. */
  async alone<T>(session: DatabaseSession, work: (engine: Engine) => T): Promise<T> {
    const lane = this.#laneOf(session);
    await this.#wait(lane, session);
    try {
      return work(lane.engine);
    } finally {
      lane.leftOut.clear();
      this.#letGo(lane, session);
    }
  }

  /**
   * Commits. @throws {Contended} when the database undid it instead, {ConnectionLost} when it had ended the transaction
   * already.
   */
  async commit(session: DatabaseSession): Promise<void> {
    const { faults, scheduler } = this.#parts;
    const { occasion, label, service } = session.parts;
    const lane = this.#laneOf(session);
    if (session.isOver || lane.holder !== session) throw this.#gone(session);
    if (!lane.engine.session.inTransaction) {
      this.release(session);
      throw this.#gone(session);
    }
    if (faults.strikes("serialization failure", occasion) || faults.strikes("deadlock", occasion)) {
      this.release(session);
      throw Contended.with({ database: service, label });
    }
    session.isCommitting = true;
    await this.#pause(SYNC_MS + SYNC_JITTER_MS * faults.amount("sync", `${occasion} ${scheduler.now}`));
    this.#commitNow(lane, session);
    this.#letGo(lane, session);
    if (faults.strikes("commit unknown", occasion)) throw this.#gone(session);
  }

  /** Ends a session; what it has not committed is undone. */
  release(session: DatabaseSession): void {
    if (session.isOver || session.isCommitting) return;
    session.isOver = true;
    const lane = this.#laneOf(session);
    lane.waiting.delete(session);
    if (lane.holder !== session) return;
    if (!session.parts.isRead) lane.engine.session.rollback();
    this.#letGo(lane, session);
  }

  async #hold(session: DatabaseSession): Promise<void> {
    const { faults } = this.#parts;
    const lane = this.#laneOf(session);
    if (lane.holder === session) return;
    if (session.isOver) throw this.#gone(session);
    await this.#wait(lane, session);
    const { occasion, isRead, label, sets } = session.parts;
    showTo(lane, sets);
    if (!isRead) lane.engine.session.control("BEGIN IMMEDIATE");
    const transaction = new Transaction(lane.engine.session, label);
    session.connection = isRead ? new ReadingConnection(transaction, lane.engine.session) : transaction;
    session.heardAt = this.#parts.scheduler.now;
    this.#watch(session, IDLE_MS);
    if (!isRead && faults.strikes("slow database", occasion))
      await this.#pause(SLOW_MS * faults.amount("slow", occasion));
  }

  /** Resolves when the database is this session's. */
  async #wait(lane: Lane, session: DatabaseSession): Promise<void> {
    if (lane.holder === undefined) lane.holder = session;
    else await new Promise<void>((resolve) => lane.waiting.set(session, resolve));
  }

  #letGo(lane: Lane, session: DatabaseSession): void {
    session.isOver = true;
    const [next] = lane.waiting;
    lane.holder = next?.[0];
    if (next === undefined) return;
    lane.waiting.delete(next[0]);
    next[1]();
  }

  /** Ends a transaction whose client says nothing any more: others wait for it. */
  #watch(session: DatabaseSession, afterMs: number): void {
    const { machine, scheduler } = this.#parts;
    const { incarnation } = machine;
    if (incarnation === undefined) return;
    machine.later(incarnation, afterMs, () => {
      if (session.isOver || session.isCommitting) return;
      const leftMs = session.heardAt + IDLE_MS - scheduler.now;
      if (leftMs > 0) return this.#watch(session, leftMs);
      session.reset();
      this.release(session);
    });
  }

  #commitNow(lane: Lane, session: DatabaseSession): void {
    const { history } = this.#parts;
    const { service, label, about } = session.parts;
    lane.engine.session.control("COMMIT");
    history.record("commit", service, label, undefined, about === undefined ? undefined : { about });
    if (label.endsWith(".lease.take")) this.#noteLeader(lane, session);
  }

  /** Notes who leads from now on, and what became of who led before. */
  #noteLeader(lane: Lane, { parts }: DatabaseSession): void {
    const [row] = lane.engine.session.all("SELECT holder FROM isomer_lease", []);
    const name = String(row?.["holder"] ?? "");
    const { leader } = lane;
    if (name !== parts.client.machine.name) return;
    lane.leader = { name, life: parts.client.incarnation };
    if (leader === undefined || leader.name === name) return;
    this.#parts.note(leader.life.alive ? "a leader that lives is deposed" : "a leader that died has a successor");
  }

  #laneOf({ parts: { service } }: DatabaseSession): Lane {
    let lane = this.#lanes.get(service);
    if (lane === undefined) {
      const engine = this.#parts.disks.of(service);
      lane = { engine, holder: undefined, waiting: new Map(), leftOut: new Map(), leader: undefined };
      this.#lanes.set(service, lane);
    }
    return lane;
  }

  #pause(ms: number): Promise<void> {
    const { machine } = this.#parts;
    const { incarnation } = machine;
    return new Promise((resolve) => {
      if (incarnation !== undefined) machine.later(incarnation, ms, resolve);
    });
  }

  #gone({ parts: { service } }: DatabaseSession): Error {
    return ConnectionLost.with({ database: service });
  }
}

/** Replicas have one connection here: before each transaction it is told what the build that asks does not know. */
function showTo({ engine: { session }, leftOut }: Lane, sets: readonly MigrationSet[]): void {
  let columns = leftOut.get(sets);
  if (columns === undefined) {
    const applied = sets.length === 0 ? [] : session.all("SELECT owner, name, columns FROM isomer_migrations", []);
    columns = columnsAhead(applied as unknown as MigrationColumns[], sets);
    leftOut.set(sets, columns);
  }
  // What it has prepared stays where nothing changes.
  if (columns.symmetricDifference(session.leftOut).size > 0) session.leaveOut(columns);
}
