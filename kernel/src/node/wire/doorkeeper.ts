/**
 * Looks after the connections of a server over TLS: those of nobody knows whom yet apart from those of peers, so many for each
 * peer, and what each peer holds. The wire has one, and so have the doors for services in other languages.
 */
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { type CounterSeries, Metrics } from "../../observe/mod.ts";
import { type Clock, LogBudget, type Logger } from "../../std/mod.ts";
import { Handshakes } from "./handshakes.ts";
import { type PeerAccount, PeerAccounts } from "./peer-accounts.ts";

/** How many connections a door takes. */
export interface DoorBounds {
  /** Connections of peers; further ones are closed when it is known whose they are. */
  readonly connectionsMax: number;
  /** How many of them one SPIFFE id may have. */
  readonly connectionsPerPeerMax: number;
  /** How many connections may be of nobody knows whom yet; for a further one another is dropped. */
  readonly handshakesMax: number;
}

/** What a door tells, and where. */
export interface DoorkeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** What it is a door for: `wire`, `http`. Goes before its lines in the log. */
  readonly door: string;
  readonly bounds: DoorBounds;
  /** Where its load and what it refused are told. */
  readonly metrics?: Metrics | undefined;
}

/** The connections of one server. */
export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #sockets = new Set<Socket>();
  readonly #handshakes: Handshakes;
  readonly #accounts: PeerAccounts;
  readonly #refusals: LogBudget;
  readonly #refused: Readonly<Record<"handshake" | "peer", CounterSeries>>;
  #connections = 0;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
    const { bounds, clock, metrics = new Metrics() } = options;
    this.#handshakes = new Handshakes(bounds.handshakesMax);
    this.#accounts = new PeerAccounts(bounds.connectionsPerPeerMax);
    this.#refusals = new LogBudget(clock);
    this.#refused = this.#measured(metrics);
  }

  /** How many connections have entered and not left, and how many are of nobody knows whom yet. */
  get load(): { readonly connections: number; readonly handshakes: number } {
    return { connections: this.#connections, handshakes: this.#handshakes.count };
  }

  /** Sees each connection of a server from its beginning. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // Nothing is known of who it is: what it takes, it takes from others of whom nothing is.
      const isFull = this.#handshakes.begun(socket, this.#options.clock.monotonicMs());
      if (isFull) this.refuse("handshake", "too many handshakes were under way", undefined);
    });
    server.on("tlsClientError", (error, socket) => {
      this.refuse("handshake", error.message, socket.remoteAddress);
      socket.destroy();
    });
  }

  /** A handshake is over. Returns when its connection began, on the monotonic clock, in milliseconds. */
  met(socket: TLSSocket): number {
    return this.#handshakes.done(socket) ?? this.#options.clock.monotonicMs();
  }

  /**
   * Takes in a connection of a peer, until it leaves.
   * @returns what the peer has; what is held for it is added there, and given back.
   * @throws {Error} when there are too many, of this peer or of all.
   */
  enter(peerId: string): PeerAccount {
    if (this.#connections >= this.#options.bounds.connectionsMax)
      throw new Error("There are too many connections already.");
    const account = this.#accounts.enter(peerId);
    this.#connections += 1;
    return account;
  }

  /** A connection is over, or is about to be replaced: its place is another's. */
  leave(account: PeerAccount): void {
    this.#connections -= 1;
    this.#accounts.leave(account);
  }

  /** Says that somebody was turned away: nobody knows who, or a peer. */
  refuse(stage: "handshake" | "peer", reason: string, address: string | undefined): void {
    this.#refused[stage].add(1);
    if (!this.#refusals.take()) return;
    const { log, door } = this.#options;
    if (stage === "peer") log.warn(`${door}: a peer was refused`, { reason, address });
    else log.info(`${door}: a connection was refused`, { reason, address });
  }

  /** Ends all connections at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #measured(metrics: Metrics): Readonly<Record<"handshake" | "peer", CounterSeries>> {
    const { door } = this.#options;
    const gauge = (name: string, help: string, source: () => number): void =>
      metrics.gauge(`isomer.door.${name}`, help, ["door"]).with({ door }).from(source);
    gauge("connections", "Connections of other processes.", () => this.#connections);
    gauge("handshakes", "Connections of nobody knows whom yet.", () => this.load.handshakes);
    const held = metrics.gauge("isomer.door.held", "Memory held for peers.", ["door", "what"], "By");
    held.with({ door, what: "inputs" }).from(() => this.#accounts.held.inputs);
    held.with({ door, what: "outputs" }).from(() => this.#accounts.held.outputs);
    const refused = metrics.counter("isomer.door.refused", "Connections that were refused or dropped.", [
      "door",
      "stage",
    ]);
    return { handshake: refused.with({ door, stage: "handshake" }), peer: refused.with({ door, stage: "peer" }) };
  }
}
