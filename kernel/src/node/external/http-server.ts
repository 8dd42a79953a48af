/**
 * Serves the contracts of the services placed here to those that others run: HTTP with JSON and mutual TLS. Callers prove
 * who they are by their certificate, and may do what the system says they use.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Server, createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { wasRetried } from "../../guard/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { type Clock, type Fault, LogBudget, type Logger, toFault } from "../../std/mod.ts";
import { type Envelope, type InboundCall, type Reply, notStarted } from "../../transport/mod.ts";
import { ReplyDropped } from "../../wire/mod.ts";
import type { Metrics } from "../../observe/mod.ts";
import { admitPeer, contextOptions, credentialsFor, serverTls } from "../identity/mod.ts";
import { CALL_BYTES, type DoorBounds, Doorkeeper, HeldBytes, type PeerAccount } from "../wire/mod.ts";
import { takeBody } from "./body-intake.ts";
import { CallMalformed, noRoom } from "./faults.ts";
import { ALPN, RETRIED, STATUSES, callOf, faultBody, lastCallAt } from "./protocol.ts";

/** What {@link HttpServer} needs. */
export interface HttpServerOptions {
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** The services that are served, as workloads: `service/catalog`. Callers name one by SNI. */
  readonly paths: readonly [string, ...string[]];
  /** Lets a call in; see `inbound`. @throws {PeerRefused} */
  readonly admit: (call: InboundCall, peerId: string) => Envelope;
  readonly handle: (envelope: Envelope) => Promise<Reply>;
  /** Where to listen; `127.0.0.1`, and any free port, unless said. */
  readonly host?: string;
  readonly port?: number;
  /** How many connections are taken: 1,024 of peers, 256 of one, 128 of nobody knows whom yet, unless said. */
  readonly bounds?: Partial<DoorBounds>;
  /** Where its load and what it refused are told. */
  readonly metrics?: Metrics;
}

interface AdmittedPeer {
  readonly account: PeerAccount;
  /** From when on answers end the connection, so that the peer connects anew with what it has then. */
  closesAt: number;
  /** How often credentials had changed here when it was last held to the authorities that are trusted, and these. */
  rotations: number;
  trustBundle: string;
  /** How many calls were begun on the connection. */
  calls: number;
  /** Its last call was begun. */
  isOver: boolean;
}

/** Timers take no longer ones. */
const LIFE_MAX_MS = 24 * 3_600_000;
const HEADERS_MS = 5_000;
/** How long a body may take, in milliseconds, and no longer than the call itself. */
const READ_MS = 20_000;
/** How long an answer may wait to be read, in milliseconds. */
const ANSWER_MS = 20_000;
/** A caller has a connection for each call that is under way. */
const BOUNDS: DoorBounds = { connectionsMax: 1_024, connectionsPerPeerMax: 256, handshakesMax: 128 };

/** A server of calls over HTTP. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #doorkeeper: Doorkeeper;
  readonly #peers = new WeakMap<object, AdmittedPeer>();
  readonly #endRotation: () => void;
  /** How much may be logged of calls that failed: what they are, peers decide. */
  readonly #complaints: LogBudget;
  #rotations = 0;
  #isClosing = false;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    const { identity, paths, clock, log, bounds, metrics } = options;
    this.#doorkeeper = new Doorkeeper({ door: "http", clock, log, metrics, bounds: { ...BOUNDS, ...bounds } });
    this.#complaints = new LogBudget(clock);
    this.#server = createServer(
      { ...serverTls({ ...options, protocols: [ALPN] }), headersTimeout: HEADERS_MS, requestTimeout: 0 },
      (incoming, answer) => void this.#answer(incoming, answer),
    );
    this.#doorkeeper.watch(this.#server);
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#endRotation = identity.onRotate(() => {
      this.#rotations += 1;
      this.#server.setSecureContext(contextOptions(identity.credentials(paths[0])));
    });
  }

  /** Begins to listen. */
  static listen(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    return new Promise((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", () => resolve(server));
    });
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** How many connections there are of peers, and how many of nobody knows whom yet. */
  get load(): { readonly connections: number; readonly handshakes: number } {
    return this.#doorkeeper.load;
  }

  /** Takes no further calls; resolves when those under way are over, or cuts them after `withinMs`, 10,000 unless said. */
  async close(withinMs = 10_000): Promise<void> {
    this.#isClosing = true;
    this.#endRotation();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = this.#options.clock.after(withinMs, () => this.#doorkeeper.cut());
    await closed;
    timer.cancel();
  }

  #connected(socket: TLSSocket): void {
    const { identity, paths, clock } = this.#options;
    try {
      const own = credentialsFor(identity, paths, socket.servername);
      const { id, expiresAt } = admitPeer(socket, identity.trustDomain, own.trustBundle, clock);
      this.#doorkeeper.met(socket);
      const account = this.#doorkeeper.enter(id);
      socket.once("close", () => this.#doorkeeper.leave(account));
      // The peer does not believe this side for longer than its own certificate says, either.
      const closesAt = lastCallAt(Math.min(expiresAt, own.expiresAt), clock.now());
      const { trustBundle } = own;
      this.#peers.set(socket, { account, closesAt, rotations: this.#rotations, trustBundle, calls: 0, isOver: false });
      const leftMs = Math.max(0, expiresAt - clock.now());
      // Nobody is believed for longer than the certificate says, however busy the connection is.
      const end = clock.after(Math.min(LIFE_MAX_MS, leftMs), () => socket.destroy());
      socket.once("close", () => end.cancel());
    } catch (error) {
      this.#doorkeeper.refuse("peer", (error as Error).message, socket.remoteAddress);
      socket.destroy();
    }
  }

  async #answer(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const gone = new AbortController();
    answer.once("close", () => gone.abort());
    const peer = this.#peerOn(incoming.socket as TLSSocket);
    // Nobody is heard who was not let in.
    if (peer === undefined) return void incoming.socket.destroy();
    // What was sent behind the last call is not begun: nobody would hear the answer (RFC 9112, 9.6).
    if (peer.isOver) return;
    peer.isOver = this.#isEnding(peer);
    const call = (peer.calls += 1);
    const { account } = peer;
    const held = new HeldBytes(account.inputs);
    try {
      const reply = await this.#carryOut(incoming, { account, held, signal: gone.signal });
      const replayed = reply.replayed ? { "isomer-replayed": "true" } : {};
      this.#send(answer, { body: JSON.stringify(reply.output), headers: replayed, peer, call });
    } catch (error) {
      const fault: Fault = toFault(error);
      if (fault.kind === "broken" && this.#complaints.take())
        this.#options.log.error("http: a call failed", { path: incoming.url, error });
      const retried = wasRetried(error) ? { [RETRIED]: "true" } : {};
      const headers = { "content-type": "application/problem+json", ...retried };
      this.#head(answer, STATUSES[fault.kind], headers, { peer, call }).end(faultBody(fault));
      this.#endBodyIn(incoming, READ_MS);
    } finally {
      held.release();
    }
  }

  /**
   * Who was let in on a connection. After credentials changed here, it carries one call more, and that only when its
   * authority is trusted still: the answer ends it, and the peer connects anew.
   */
  #peerOn(socket: TLSSocket): AdmittedPeer | undefined {
    const peer = this.#peers.get(socket);
    if (peer === undefined || peer.rotations === this.#rotations) return peer;
    const { identity, paths, clock } = this.#options;
    try {
      const { trustBundle } = credentialsFor(identity, paths, socket.servername);
      // Mostly it is a certificate that was renewed, and to look at another's again costs as much as to let it in.
      if (trustBundle !== peer.trustBundle) admitPeer(socket, identity.trustDomain, trustBundle, clock);
      peer.trustBundle = trustBundle;
    } catch (error) {
      this.#doorkeeper.refuse("peer", (error as Error).message, socket.remoteAddress);
      return undefined;
    }
    peer.rotations = this.#rotations;
    peer.closesAt = clock.now();
    return peer;
  }

  async #carryOut(incoming: IncomingMessage, { account, held, signal }: Asked): Promise<Reply> {
    const { clock, admit, handle } = this.#options;
    if (incoming.method !== "POST") throw CallMalformed.with({ problem: "calls are POST requests of a workload" });
    const call = callOf(incoming.url ?? "", incoming.headers, clock.monotonicMs());
    if (typeof call === "string") throw CallMalformed.with({ problem: call });
    // Nobody's input is read before it is known that they may call.
    const envelope = admit({ ...call, input: undefined, signal }, account.id);
    const { service, deadlineAt } = call;
    if (!held.take(CALL_BYTES)) throw noRoom(service);
    if (!account.outputs.fits(1)) throw notStarted({ service, reason: "this caller leaves too many answers unread" });
    this.#endBodyIn(incoming, Math.min(READ_MS, deadlineAt - clock.monotonicMs()));
    return handle({ ...envelope, input: await takeBody(incoming, service, held) });
  }

  /** @throws {ReplyDropped} when the peer leaves too much unread already. */
  #send(answer: ServerResponse, { headers, body, peer, call }: Sent): void {
    // Its caller has gone: nobody reads it, and nothing would tell when it is over.
    if (answer.destroyed) return;
    const { account } = peer;
    const held = new HeldBytes(account.outputs);
    if (!held.take(Buffer.byteLength(body))) throw ReplyDropped.with({ waitingBytes: account.outputs.usedBytes });
    const late = this.#options.clock.after(ANSWER_MS, () => answer.destroy());
    answer.once("close", () => {
      late.cancel();
      held.release();
    });
    this.#head(answer, 200, { "content-type": "application/json", ...headers }, { peer, call }).end(body);
  }

  /** Begins an answer: the last one on its connection, when that is to end. */
  // oxlint-disable-next-line max-params -- as those of `writeHead`
  #head(
    answer: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>>,
    { peer, call }: Called,
  ): ServerResponse {
    // Where another was begun behind it, that one's answer is the last.
    const isLast = call === peer.calls && (peer.isOver || this.#isEnding(peer));
    peer.isOver ||= isLast;
    return answer.writeHead(status, { ...headers, ...(isLast ? { connection: "close" } : {}) });
  }

  /** Whether a call that begins or ends now is the last on its connection. */
  #isEnding({ closesAt }: AdmittedPeer): boolean {
    return this.#isClosing || this.#options.clock.now() >= closesAt;
  }

  /** What of a body has not come by then does not come: its connection ends. */
  #endBodyIn(incoming: IncomingMessage, delayMs: number): void {
    if (incoming.closed) return;
    const late = this.#options.clock.after(delayMs, () => incoming.destroy(new Error("the body takes too long")));
    incoming.once("close", () => late.cancel());
  }
}

interface Asked {
  readonly account: PeerAccount;
  readonly held: HeldBytes;
  readonly signal: AbortSignal;
}

/** Whose call it is, and which on its connection. */
interface Called {
  readonly peer: AdmittedPeer;
  readonly call: number;
}

interface Sent extends Called {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
