/**
 * Takes calls of other hosts over mutual TLS. Nothing here outlives the process: a call that was under way when it died is
 * repeated by its caller, under its key.
 */
import type { AddressInfo } from "node:net";
import { type SecureContext, type Server, type TLSSocket, createServer } from "node:tls";
import type { Metrics } from "../../observe/mod.ts";
import { type WorkloadIdentity, pathOfServerName } from "../../security/mod.ts";
import { type Clock, LogBudget, type Logger } from "../../std/mod.ts";
import type { Reply } from "../../transport/mod.ts";
import { WIRE_TIMING, type WireLimits, type WireTiming } from "../../wire/mod.ts";
import { contextOf } from "../identity/mod.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import { ServerConnection } from "./server-connection.ts";
import type { SocketBounds } from "./socket-driver.ts";
import { ALPN, peerOf } from "./tls.ts";
import type { WireCall } from "./wire-call.ts";

/** What a server is made with. */
export interface WireServerOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** Carries out a call of a peer, whose SPIFFE id is given. Its rejections become faults. */
  readonly handle: (call: WireCall, peerId: string) => Promise<Reply>;
  /** Where to listen; `127.0.0.1`, and any free port, unless said. */
  readonly host?: string;
  readonly port?: number;
  /** How many connections are taken; further ones are closed when it is known whose they are. 1,024 unless said. */
  readonly connectionsMax?: number;
  /** How many of them one SPIFFE id may have, those that are being replaced aside. 64 unless said. */
  readonly connectionsPerPeerMax?: number;
  /** How many connections may be of nobody knows whom yet; for a further one another is dropped. 128 unless said. */
  readonly handshakesMax?: number;
  /** Where its load and what it refused are told. */
  readonly metrics?: Metrics;
  readonly limits?: Partial<WireLimits>;
  readonly timing?: Partial<WireTiming>;
  readonly bounds?: Partial<SocketBounds>;
  /** How long a connection may go on after it was asked to end, in milliseconds; 30,000 unless said. */
  readonly drainMs?: number;
}

/** Connections that are replaced at once are asked one after another, this many milliseconds apart. */
const APART_MS = 10;
const DRAIN_MS = 30_000;

/** A server of calls. */
export class WireServer {
  readonly #options: WireServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #doorkeeper: Doorkeeper;
  readonly #complaints: LogBudget;
  readonly #endRotation: () => void;
  #isDraining = false;

  private constructor(options: WireServerOptions) {
    this.#options = options;
    const { clock, log, metrics, connectionsMax = 1_024, connectionsPerPeerMax = 64, handshakesMax = 128 } = options;
    const bounds = { connectionsMax, connectionsPerPeerMax, handshakesMax };
    this.#doorkeeper = new Doorkeeper({ clock, log, door: "wire", bounds, metrics });
    this.#complaints = new LogBudget(clock);
    const calls = metrics?.gauge("isomer.wire.calls", "Calls of other processes under way.", []);
    calls?.with({}).from(() => this.load.calls);
    const { helloMs } = { ...WIRE_TIMING, ...options.timing };
    this.#server = createServer({
      ...{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3", ALPNProtocols: [ALPN] },
      // Refusing is left to `peerOf`, which can say which rule was broken.
      ...{ requestCert: true, rejectUnauthorized: false, handshakeTimeout: helloMs },
      SNICallback: (name, done) => this.#contextFor(name, done),
    });
    this.#doorkeeper.watch(this.#server);
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#endRotation = options.identity.onRotate(() => this.#replaceAll());
  }

  /** Begins to listen. */
  static listen(options: WireServerOptions): Promise<WireServer> {
    const server = new WireServer(options);
    return new Promise((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", () => resolve(server));
    });
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** How many connections there are, how many of nobody knows whom yet, and how many calls are under way. */
  get load(): { readonly connections: number; readonly handshakes: number; readonly calls: number } {
    const calls = [...this.#connections].reduce((sum, { side }) => sum + side.runningCalls, 0);
    return { connections: this.#connections.size, handshakes: this.#doorkeeper.load.handshakes, calls };
  }

  /**
   * Takes no further calls, finishes those under way and tells callers which were not taken. Resolves when all are gone, or
   * after `withinMs` (`drainMs` unless said), when it cuts what is left.
   */
  async drain(withinMs: number = this.#options.drainMs ?? DRAIN_MS): Promise<void> {
    this.#isDraining = true;
    this.#endRotation();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.drain(false);
    const timer = this.#options.clock.after(withinMs, () => this.#doorkeeper.cut());
    await closed;
    timer.cancel();
  }

  /** Ends at once: calls under way are lost. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#doorkeeper.cut();
    await drained;
  }

  #contextFor(serverName: string, done: (error: Error | null, context?: SecureContext) => void): void {
    const { identity } = this.#options;
    try {
      const path = pathOfServerName(serverName, identity.trustDomain);
      if (path === undefined) throw new Error(`"${serverName}" is no workload of ${identity.trustDomain}.`);
      done(null, contextOf(identity.credentials(path)));
    } catch (error) {
      done(error as Error);
    }
  }

  #connected(socket: TLSSocket): void {
    const { identity, clock } = this.#options;
    const begunAt = this.#doorkeeper.met(socket);
    // Until it is known who it is, what goes wrong with the socket is nobody's business.
    socket.on("error", () => {});
    try {
      const path = pathOfServerName(String(socket.servername), identity.trustDomain);
      if (path === undefined) throw new Error("It asked for no workload.");
      const own = identity.credentials(path);
      const peer = peerOf(socket, { trustDomain: identity.trustDomain, credentials: own, clock });
      const connection = this.#connectionOf(peer.id, begunAt);
      connection.start(socket, Math.min(peer.expiresAt, own.expiresAt));
      if (this.#isDraining) connection.drain(false);
    } catch (error) {
      this.#doorkeeper.refuse("peer", (error as Error).message, socket.remoteAddress);
      socket.destroy();
    }
  }

  #connectionOf(peerId: string, begunAt: number): ServerConnection {
    const { clock, log, limits, timing, bounds, drainMs = DRAIN_MS, handle } = this.#options;
    const account = this.#doorkeeper.enter(peerId);
    const connection: ServerConnection = new ServerConnection({
      ...{ clock, log, limits, timing, bounds, drainMs, account, begunAt, complaints: this.#complaints },
      handle: (call) => handle(call, peerId),
      onEnding: () => this.#doorkeeper.leave(account),
      onGone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    return connection;
  }

  /** Credentials changed: connections that show the old ones are replaced, one after another. */
  #replaceAll(): void {
    let afterMs = 0;
    for (const connection of this.#connections) {
      connection.replaceIn(afterMs);
      afterMs += APART_MS;
    }
  }
}
