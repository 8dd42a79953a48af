/**
 * Takes calls of other hosts over mutual TLS. Nothing here outlives the process: a call that was under way when it died is
 * repeated by its caller, under its key.
 */
import type { AddressInfo, Socket } from "node:net";
import { type Server, type TLSSocket, createServer } from "node:tls";
import { wasRetried } from "../../guard/mod.ts";
import { parseTraceparent } from "../../observe/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { type Clock, type Logger, type Timer, toFault } from "../../std/mod.ts";
import { type Reply, Unreachable } from "../../transport/mod.ts";
import { CalleeSide, type IncomingCall, WIRE_TIMING, type WireLimits, type WireTiming } from "../../wire/mod.ts";
import { SOCKET_BOUNDS, type SocketBounds, SocketDriver } from "./socket-driver.ts";
import { ALPN, type Peer, SecureContexts, type VerifyPeer, lifeMs, pathOfServerName, peerOf } from "./tls.ts";
import type { WireCall } from "./wire-call.ts";

/** What a server is made with. */
export interface WireServerOptions {
  readonly identity: WorkloadIdentity;
  readonly verifyPeer: VerifyPeer;
  readonly clock: Clock;
  readonly log: Logger;
  /** Carries out a call of a peer, whose SPIFFE id is given. Its rejections become faults. */
  readonly handle: (call: WireCall, peerId: string) => Promise<Reply>;
  /** Where to listen; `127.0.0.1`, and any free port, unless said. */
  readonly host?: string;
  readonly port?: number;
  /** How many connections are taken; further ones are closed at once. 1,024 unless said. */
  readonly connectionsMax?: number;
  readonly limits?: Partial<WireLimits>;
  readonly timing?: Partial<WireTiming>;
  readonly bounds?: Partial<SocketBounds>;
  /** How long a connection may go on after it was asked to end, in milliseconds; 30,000 unless said. */
  readonly drainMs?: number;
}

/** Connections that are replaced at once are asked one after another, this many milliseconds apart. */
const APART_MS = 10;

/** A server of calls. */
export class WireServer {
  readonly #options: WireServerOptions;
  readonly #server: Server;
  readonly #contexts = new SecureContexts();
  readonly #connections = new Set<ServerConnection>();
  readonly #sockets = new Set<Socket>();
  readonly #endRotation: () => void;
  #isDraining = false;

  private constructor(options: WireServerOptions) {
    this.#options = options;
    const { helloMs } = { ...WIRE_TIMING, ...options.timing };
    this.#server = createServer({
      ...{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3", ALPNProtocols: [ALPN] },
      ...{ requestCert: true, rejectUnauthorized: true, handshakeTimeout: helloMs },
      SNICallback: (name, done) => this.#contextFor(name, done),
    });
    this.#server.maxConnections = options.connectionsMax ?? 1_024;
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      this.#options.log.info("wire: a connection was refused", { reason: error.message });
      socket.destroy();
    });
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

  /** How many connections there are, and how many calls are under way on them. */
  get load(): { readonly connections: number; readonly calls: number } {
    const calls = [...this.#connections].reduce((sum, { side }) => sum + side.runningCalls, 0);
    return { connections: this.#connections.size, calls };
  }

  /**
   * Takes no further calls, finishes those under way and tells callers which were not taken. Resolves when all are gone, or
   * after `withinMs` (`drainMs` unless said), when it cuts what is left.
   */
  async drain(withinMs: number = this.#options.drainMs ?? 30_000): Promise<void> {
    this.#isDraining = true;
    this.#endRotation();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.drain(false);
    const timer = this.#options.clock.after(withinMs, () => this.#cut());
    await closed;
    timer.cancel();
  }

  /** Ends at once: calls under way are lost. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#cut();
    await drained;
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #contextFor(
    serverName: string,
    done: (error: Error | null, context?: ReturnType<SecureContexts["of"]>) => void,
  ): void {
    const { identity } = this.#options;
    try {
      const path = pathOfServerName(serverName, identity.trustDomain);
      if (path === undefined) throw new Error(`"${serverName}" is no workload of ${identity.trustDomain}.`);
      done(null, this.#contexts.of(identity.credentials(path)));
    } catch (error) {
      done(error as Error);
    }
  }

  #connected(socket: TLSSocket): void {
    const { identity, verifyPeer, log } = this.#options;
    // Until it is known who it is, what goes wrong with the socket is nobody's business.
    socket.on("error", () => {});
    try {
      const path = pathOfServerName(String(socket.servername), identity.trustDomain);
      if (path === undefined) throw new Error("It asked for no workload.");
      const own = identity.credentials(path);
      const peer = peerOf(socket, verifyPeer, own.trustBundle);
      const connection = new ServerConnection(this.#options, peer, () => this.#connections.delete(connection));
      this.#connections.add(connection);
      connection.start(socket, Math.min(peer.expiresAt, own.expiresAt));
      if (this.#isDraining) connection.drain(false);
    } catch (error) {
      log.warn("wire: a peer was refused", { reason: (error as Error).message, address: socket.remoteAddress });
      socket.destroy();
    }
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

class ServerConnection {
  readonly side: CalleeSide;
  readonly #options: WireServerOptions;
  readonly #peer: Peer;
  readonly #driver: SocketDriver;
  readonly #onGone: () => void;
  #endTimer: Timer | undefined;
  #isDraining = false;

  constructor(options: WireServerOptions, peer: Peer, onGone: () => void) {
    this.#options = options;
    this.#peer = peer;
    this.#onGone = onGone;
    const { clock, limits, timing, bounds } = options;
    this.#driver = new SocketDriver({ clock, bounds: { ...SOCKET_BOUNDS, ...bounds }, pausesReading: true });
    this.side = new CalleeSide({
      ...{ nowMs: clock.monotonicMs(), limits, timing, onOutput: this.#driver.onOutput, onWake: this.#driver.onWake },
      onCall: (call) => void this.#answer(call),
      onClosed: (reason) => this.#closed(reason),
      onFinished: () => {},
      streamError: (reason) => Unreachable.with({ service: peer.id, reason }),
    });
    this.#driver.drive(this.side.link);
  }

  start(socket: TLSSocket, endsAt: number): void {
    this.#driver.carry(socket);
    this.replaceIn(lifeMs(endsAt, this.#options.clock.now()));
  }

  /** Lets the peer connect anew, after a while. */
  replaceIn(afterMs: number): void {
    if (this.#isDraining) return;
    this.#endTimer?.cancel();
    this.#endTimer = this.#options.clock.after(Math.max(0, afterMs), () => this.drain(true));
  }

  /** Ends when what is under way is done; the caller closes the connection, or it is cut in the end. */
  drain(isReplaced: boolean): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#endTimer?.cancel();
    this.#endTimer = this.#options.clock.after(this.#options.drainMs ?? 30_000, () =>
      this.side.link.close(undefined, "it took too long to end"),
    );
    this.side.drain(isReplaced);
  }

  #closed(reason: string): void {
    this.#options.log.debug("wire: a connection ended", { peer: this.#peer.id, reason });
    this.#endTimer?.cancel();
    this.#driver.closed();
    this.#onGone();
  }

  async #answer(call: IncomingCall): Promise<void> {
    try {
      const { output, replayed } = await this.#options.handle(wireCallOf(call), this.#peer.id);
      const failure = call.reply(output, replayed);
      if (failure !== undefined)
        this.#options.log.error("wire: an answer could not be sent", { ...nameOf(call), error: failure });
    } catch (error) {
      call.fault(toFault(error).toJSON(), wasRetried(error));
    }
  }
}

function nameOf({ message }: IncomingCall): { service: string; operation: string } {
  return { service: message.service, operation: message.operation };
}

function wireCallOf(call: IncomingCall): WireCall {
  const { message, deadlineAt, chunks } = call;
  const { service, operation, key, clientKey, insists, attempt, caller, criticality, input, userToken } = message;
  const { traceparent, tracestate } = message;
  return {
    ...{ service, operation, input, key, clientKey, insists, attempt, deadlineAt, caller, criticality, userToken },
    ...{ tracestate, chunks, trace: traceparent === undefined ? undefined : parseTraceparent(traceparent) },
    get signal() {
      return call.signal;
    },
    emit: (chunk) => call.write(chunk),
  };
}
