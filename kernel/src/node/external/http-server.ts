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
import { type Clock, type Fault, type FaultType, type Logger, defineFault, toFault } from "../../std/mod.ts";
import type { Envelope, InboundCall, Reply } from "../../transport/mod.ts";
import { admitPeer, serverTls } from "../identity/mod.ts";
import { ALPN, BODY_BYTES_MAX, RETRIED, STATUSES, callOf, faultBody } from "./protocol.ts";

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
}

/** A call over HTTP has not the form that it must have. Nothing happened. */
export const CallMalformed: FaultType<{ problem: string }> = defineFault({
  code: "transport/call-malformed",
  kind: "invalid",
  message: ({ problem }) => `The call has not the form of one: ${problem}.`,
});

const HEADERS_MS = 5_000;
const CONNECTIONS_MAX = 1_024;

/** A server of calls over HTTP. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #peers = new WeakMap<object, string>();
  readonly #endRotation: () => void;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    const { identity, paths } = options;
    this.#server = createServer(
      { ...serverTls({ ...options, protocols: [ALPN] }), headersTimeout: HEADERS_MS, requestTimeout: 0 },
      (incoming, answer) => void this.#answer(incoming, answer),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#endRotation = identity.onRotate(() => {
      const { certificateChain, privateKey, trustBundle } = identity.credentials(paths[0]);
      this.#server.setSecureContext({ cert: certificateChain, key: privateKey, ca: trustBundle });
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

  /** Takes no further calls; resolves when those under way are over, or cuts them after `withinMs`, 10,000 unless said. */
  async close(withinMs = 10_000): Promise<void> {
    this.#endRotation();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = this.#options.clock.after(withinMs, () => this.#server.closeAllConnections());
    await closed;
    timer.cancel();
  }

  #connected(socket: TLSSocket): void {
    const { identity, paths, clock, log } = this.#options;
    try {
      const { trustBundle } = identity.credentials(paths[0]);
      this.#peers.set(socket, admitPeer(socket, identity.trustDomain, trustBundle, clock).id);
    } catch (error) {
      const { message } = toFault(error);
      log.warn("http: a peer was refused", { reason: message, address: socket.remoteAddress });
      socket.destroy();
    }
  }

  async #answer(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const gone = new AbortController();
    answer.once("close", () => gone.abort());
    try {
      const reply = await this.#carryOut(incoming, gone.signal);
      const body = JSON.stringify(reply.output);
      const replayed = reply.replayed ? { "isomer-replayed": "true" } : {};
      answer.writeHead(200, { "content-type": "application/json", ...replayed }).end(body);
    } catch (error) {
      const fault: Fault = toFault(error);
      if (fault.kind === "broken") this.#options.log.error("http: a call failed", { path: incoming.url, error });
      const retried = wasRetried(error) ? { [RETRIED]: "true" } : {};
      const headers = { "content-type": "application/problem+json", ...retried };
      answer.writeHead(STATUSES[fault.kind], headers).end(faultBody(fault));
    }
  }

  async #carryOut(incoming: IncomingMessage, signal: AbortSignal): Promise<Reply> {
    const { clock, admit, handle } = this.#options;
    const peer = this.#peers.get(incoming.socket);
    if (peer === undefined || incoming.method !== "POST")
      throw CallMalformed.with({ problem: "calls are POST requests of a workload" });
    const call = callOf(incoming.url ?? "", incoming.headers, clock.monotonicMs());
    if (typeof call === "string") throw CallMalformed.with({ problem: call });
    const input = await inputOf(incoming);
    return handle(admit({ ...call, input, signal }, peer));
  }
}

async function inputOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw CallMalformed.with({ problem: `its body has more than ${BODY_BYTES_MAX} bytes` });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw CallMalformed.with({ problem: "its body is not JSON" });
  }
}
