/**
 * Serves contracts over gRPC: to services in other languages, and to whoever speaks it. The connection is ours, mutual TLS
 * with the rules of node/identity, and so is the HTTP/2 in it: grpc-js' server would take in whatever it is sent before
 * anybody is asked, and hold it for as long as the peer likes. Nothing here outlives the process: a call that was under way
 * is repeated by its caller, under its key.
 */
import { once } from "node:events";
import { type ServerHttp2Session, type ServerOptions, performServerHandshake } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Server } from "node:tls";
import type { Metrics } from "../../observe/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { type Clock, LogBudget, type Logger, type Timer } from "../../std/mod.ts";
import type { Envelope, InboundCall, Reply } from "../../transport/mod.ts";
import { type PeerConnection, listenTls } from "../identity/mod.ts";
import { type DoorBounds, Doorkeeper } from "../wire/mod.ts";
import type { GrpcMethod } from "./contracts.ts";
import { type Callee, serveCall } from "./serve-call.ts";

/** What {@link GrpcServer} needs. */
export interface GrpcServerOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** The services that are served, as workloads: `service/catalog`. Callers name one by SNI. */
  readonly paths: readonly [string, ...string[]];
  /** What is served; see `grpcMethods`. */
  readonly methods: readonly GrpcMethod[];
  /** Lets a call in; see `inbound`. @throws {PeerRefused} */
  readonly admit: (call: InboundCall, peerId: string) => Envelope;
  readonly handle: (envelope: Envelope) => Promise<Reply>;
  /** Where to listen; `127.0.0.1`, and any free port, unless said. */
  readonly host?: string;
  readonly port?: number;
  /** How many connections are taken: 1,024 of peers, 64 of one, 128 of nobody knows whom yet, unless said. */
  readonly bounds?: Partial<DoorBounds>;
  /** Where its load and what it refused are told. */
  readonly metrics?: Metrics;
}

/** How often an idle peer is asked whether it is still there, and how long it may take to say so, in milliseconds. */
const KEEPALIVE = { everyMs: 30_000, withinMs: 10_000 };
const BOUNDS: DoorBounds = { connectionsMax: 1_024, connectionsPerPeerMax: 64, handshakesMax: 128 };
const SESSION: ServerOptions = {
  settings: { maxConcurrentStreams: 64, maxHeaderListSize: 16 * 1_024 },
  // What waits to be read is counted by us, for all connections of a peer; in MB.
  maxSessionMemory: 160,
};
/** How long before a certificate's end its connections are asked to end, in milliseconds; less when little is left of it. */
const NOTICE_MS = 30_000;
/** Timers take no longer ones. */
const LIFE_MAX_MS = 24 * 3_600_000;

/** A server of calls over gRPC. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #callee: Callee;
  readonly #listener: Server;
  readonly #doorkeeper: Doorkeeper;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #endRotation: () => void;
  #isClosing = false;

  private constructor(options: GrpcServerOptions) {
    this.#options = options;
    const { identity, clock, paths, log, bounds, metrics, admit, handle } = options;
    const methods = new Map(options.methods.map((method) => [method.path, method]));
    this.#callee = { clock, log, complaints: new LogBudget(clock), methods, admit, handle };
    this.#doorkeeper = new Doorkeeper({ door: "grpc", clock, log, metrics, bounds: { ...BOUNDS, ...bounds } });
    this.#listener = listenTls({
      ...{ identity, clock, paths, protocols: ["h2"] },
      onPeer: (connection) => this.#connected(connection),
      onRefused: ({ message }, address) => this.#doorkeeper.refuse("peer", message, address),
    });
    this.#doorkeeper.watch(this.#listener);
    // Those who are not trusted any more must not go on, and the others see what is shown now.
    this.#endRotation = identity.onRotate(() => this.#endSessions());
  }

  /** Begins to listen. */
  static async listen(options: GrpcServerOptions): Promise<GrpcServer> {
    const server = new GrpcServer(options);
    server.#listener.listen(options.port ?? 0, options.host ?? "127.0.0.1");
    await once(server.#listener, "listening");
    return server;
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#listener.address() as AddressInfo | null)?.port ?? 0;
  }

  /** How many connections there are of peers, and how many of nobody knows whom yet. */
  get load(): { readonly connections: number; readonly handshakes: number } {
    return this.#doorkeeper.load;
  }

  /** Takes no further calls; resolves when those under way are over, or cuts them after `withinMs`, 10,000 unless said. */
  async close(withinMs = 10_000): Promise<void> {
    this.#isClosing = true;
    this.#endRotation();
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.#endSessions();
    const timer = this.#options.clock.after(withinMs, () => this.#doorkeeper.cut());
    await closed;
    timer.cancel();
  }

  /** Takes no further calls on the connections that there are; those under way end there. */
  #endSessions(): void {
    for (const session of this.#sessions) session.close();
  }

  #connected({ socket, peer, expiresAt }: PeerConnection): void {
    const { clock } = this.#options;
    socket.on("error", () => {});
    if (this.#isClosing) return void socket.destroy();
    try {
      if (socket.alpnProtocol !== "h2") throw new Error("It does not speak HTTP/2.");
      this.#doorkeeper.met(socket);
      const account = this.#doorkeeper.enter(peer.id);
      socket.once("close", () => this.#doorkeeper.leave(account));
      // The connection is TLS already, and its peer known.
      const session = performServerHandshake(socket, SESSION);
      session.on("error", () => {});
      session.on("stream", (stream, headers) => void serveCall(this.#callee, stream, headers, account));
      this.#sessions.add(session);
      // The session would first wait until its peer has read all, or closed its own end.
      const cut = (): void => void socket.destroy();
      const timers = [endInTime(session, { clock, expiresAt, cut }), keepAlive(session, { clock, cut })];
      session.once("close", () => {
        for (const cancel of timers) cancel();
        this.#sessions.delete(session);
      });
    } catch (error) {
      this.#doorkeeper.refuse("peer", (error as Error).message, socket.remoteAddress);
      socket.destroy();
    }
  }
}

/** How a connection is ended. */
interface Ending {
  readonly clock: Clock;
  /** At once, whatever waits to be read. */
  readonly cut: () => void;
}

/** Ends a connection before the first of both ends' certificates is over: asked first, then at once. Returns what cancels it. */
function endInTime(session: ServerHttp2Session, { clock, expiresAt, cut }: Ending & { expiresAt: number }): () => void {
  const leftMs = Math.min(LIFE_MAX_MS, Math.max(0, expiresAt - clock.now()));
  const noticeMs = Math.min(NOTICE_MS, leftMs / 5);
  let timer = clock.after(leftMs - noticeMs, () => {
    session.close();
    timer = clock.after(noticeMs, cut);
  });
  return () => timer.cancel();
}

/** Ends a connection whose peer is not there any more. Returns what cancels it. */
function keepAlive(session: ServerHttp2Session, { clock, cut }: Ending): () => void {
  let timer: Timer;
  const wait = (): void => {
    timer = clock.after(KEEPALIVE.everyMs, ask);
  };
  const ask = (): void => {
    timer = clock.after(KEEPALIVE.withinMs, cut);
    if (session.destroyed) return;
    session.ping((error) => {
      timer.cancel();
      if (error === null && !session.destroyed) wait();
    });
  };
  wait();
  return () => timer.cancel();
}
