/**
 * A connection to the simulated database server, for one transaction: both of its ends, and the network between them. What
 * is sent gets there in order, or the connection is lost; its client then learns that it is, and never what became of its
 * last word.
 */
import { ConnectionLost, type MigrationSet, type SqlConnection } from "../../store/mod.ts";
import type { Incarnation, Machine } from "../machine.ts";
import type { Network } from "../network.ts";
import type { Scheduler } from "../scheduler.ts";

/** A process that talks to the server. */
export interface Client {
  readonly machine: Machine;
  readonly incarnation: Incarnation;
}

/** What a connection is made of. */
export interface SessionParts {
  readonly service: string;
  readonly label: string;
  readonly about: string | undefined;
  /** The stable name of the transaction. */
  readonly occasion: string;
  readonly isRead: boolean;
  /** What the client's build has migrated with: it does not see what a newer one has added. */
  readonly sets: readonly MigrationSet[];
  readonly client: Client;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly server: Machine;
  /** A number in [0, 1) that the seed and a name decide. */
  readonly amount: (what: string, occasion: string) => number;
}

/** One way to the server, in milliseconds: at least, and what is added at most. It stands nearer than other hosts. */
const HOP_MS = 0.1;
const HOP_JITTER_MS = 0.4;
/** After how long a client sees that nothing comes any more, in milliseconds: at least, and what is added at most. */
const NOTICED_MS = 300;
const NOTICED_JITTER_MS = 1_500;

/** A connection while one transaction lasts. */
export class DatabaseSession {
  readonly parts: SessionParts;
  /** At the server: the transaction, once it holds the database. */
  connection: SqlConnection | undefined;
  /** At the server: nothing more is carried out. */
  isOver = false;
  /** At the server: its commit is on the way to the disk, and no word of the client's changes that. */
  isCommitting = false;
  /** At the server: when the client was last heard, in virtual milliseconds. */
  heardAt = 0;
  /** The life of the server that was connected to. */
  readonly #life: Incarnation | undefined;
  readonly #waiting = new Set<(error: unknown) => void>();
  #isLost = false;
  #hops = 0;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.#life = parts.server.incarnation;
  }

  /** At the client: whether the connection is known to be lost. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** At the client: lets the server do something. @throws {ConnectionLost} when no answer came. */
  ask<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isLost) return Promise.reject(this.#lost());
    return new Promise<T>((resolve, reject) => {
      const settle = (action: () => void): void => {
        if (this.#waiting.delete(fail)) action();
      };
      const fail = (error: unknown): void =>
        settle(() => {
          if (ConnectionLost.is(error)) this.#isLost = true;
          reject(error);
        });
      this.#waiting.add(fail);
      this.#toServer(() => {
        work().then(
          (value) => this.#toClient(() => settle(() => resolve(value))),
          (error: unknown) => this.#toClient(() => fail(error)),
        );
      });
    });
  }

  /** At the client: tells the server something that needs no answer. */
  tell(work: () => void): void {
    if (!this.#isLost) this.#toServer(work);
  }

  /** At the server: cuts the connection. */
  reset(): void {
    this.#toClient(() => this.#breaks());
  }

  /** The client's process died: its system closes the connection. */
  closedBy(work: () => void): void {
    const { network, client, server, occasion } = this.parts;
    network.carry({ from: client.machine.name, to: server.name, takesMs: this.#hopMs(occasion) }, () =>
      this.#atServer(work),
    );
  }

  #toServer(action: () => void): void {
    const { network, client, server, occasion } = this.parts;
    const way = { from: client.machine.name, to: server.name, takesMs: this.#hopMs(occasion) };
    const isSent = network.carry(way, () => {
      if (!this.#atServer(action)) this.reset();
    });
    if (!isSent) this.#noticeLater();
  }

  /** Runs something in the server's process that was connected to; returns whether that is still there. */
  #atServer(action: () => void): boolean {
    const life = this.#life;
    if (life?.alive !== true) return false;
    this.parts.server.enter(life, action);
    return true;
  }

  #toClient(action: () => void): void {
    const { network, client, server, occasion } = this.parts;
    const { machine, incarnation } = client;
    const way = { from: server.name, to: machine.name, takesMs: this.#hopMs(occasion) };
    if (!network.carry(way, () => machine.enter(incarnation, action))) this.#noticeLater();
  }

  #noticeLater(): void {
    const { scheduler, client, occasion, amount } = this.parts;
    const afterMs = NOTICED_MS + NOTICED_JITTER_MS * amount("noticed", occasion);
    scheduler.after(afterMs, () => client.machine.enter(client.incarnation, () => this.#breaks()));
  }

  #breaks(): void {
    this.#isLost = true;
    for (const fail of this.#waiting) fail(this.#lost());
  }

  #lost(): Error {
    return ConnectionLost.with({ database: this.parts.service });
  }

  #hopMs(occasion: string): number {
    this.#hops += 1;
    return HOP_MS + HOP_JITTER_MS * this.parts.amount("hop", `${occasion} ${this.#hops}`);
  }
}
