/**
 * The gateway on sockets: Fastify receives, the policy chain answers. Fastify parses no bodies and validates nothing,
 * because contracts do; it is here for its plugins (CORS, compression) and for applications mounted beside the chain.
 *
 * Across a crash: requests under way are lost with their connections; clients repeat them with the same keys.
 */
import compress from "@fastify/compress";
import cors from "@fastify/cors";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { AddressInfo } from "node:net";
import type { Gateway, GatewayRequest } from "../../gateway/mod.ts";
import { bodySource } from "./body-reader.ts";
import { refuseFraming } from "./framing-errors.ts";

/** What {@link listenWithFastify} takes. */
export interface ListenOptions {
  readonly gateway: Gateway;
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen on; `127.0.0.1` unless said. */
  readonly host?: string;
  /** The origins whose pages may call; none unless said. */
  readonly corsOrigins?: readonly string[];
  /** Whether answers above 1 KiB are compressed when the client can read it; true unless said. */
  readonly compress?: boolean;
  /** The proxies in front (addresses or networks) whose `X-Forwarded-For` is believed; none unless said. */
  readonly trustProxies?: readonly string[];
  /** The longest that a client may take to send its headers, in milliseconds; 10,000 unless said. */
  readonly headersTimeoutMs?: number;
  /** The longest that a client may take to send a whole request, in milliseconds; 30,000 unless said. */
  readonly requestTimeoutMs?: number;
  /** The most connections at once; 10,000 unless said. */
  readonly connectionsMax?: number;
  /** Adds routes of other Fastify applications beside the chain, which takes all paths that they do not. */
  readonly mount?: (app: FastifyInstance) => void | Promise<void>;
}

/** How to stop listening. */
export interface CloseOptions {
  /** How long `/readyz` fails before connections are refused, so that balancers notice; 0 unless said. */
  readonly noticeMs?: number;
  /** How long requests under way may take to finish; 10,000 unless said. Then their connections are cut. */
  readonly graceMs?: number;
}

/** A gateway that listens. */
export interface Listening {
  /** Where it is reached: `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly port: number;
  /** Drains: fails `/readyz`, takes no new connections, finishes what is under way. */
  close(options?: CloseOptions): Promise<void>;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const COMPRESS_FROM_BYTES = 1_024;
const EXPOSED_HEADERS = ["ETag", "Retry-After", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Trace-Id"];

/**
 * Contracts check and write, so the gateway's only route has no schemas. Without something in their place Fastify would
 * load its compilers, a twentieth of a start; mounted applications get them, for theirs.
 */
const WITHOUT_SCHEMAS: { buildValidator: never; buildSerializer: never } = {
  buildValidator: refuseSchemas as never,
  buildSerializer: refuseSchemas as never,
};

function refuseSchemas(): never {
  throw new TypeError("The gateway's own route has no schemas for Fastify.");
}

/** Starts to listen. @throws when the port is taken. */
export async function listenWithFastify(options: ListenOptions): Promise<Listening> {
  const app = Fastify({
    logger: false,
    trustProxy: options.trustProxies === undefined ? false : [...options.trustProxies],
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    // Requests that come on open connections while draining are answered, and told to close.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    ...(options.mount === undefined ? { schemaController: { compilersFactory: WITHOUT_SCHEMAS } } : {}),
    clientErrorHandler: refuseFraming,
    frameworkErrors: (_error, request, reply) => {
      answer(options.gateway, request, reply);
    },
    http: {
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      connectionsCheckingInterval: Math.min(5_000, options.headersTimeoutMs ?? 5_000),
      insecureHTTPParser: false,
    },
  });
  app.server.maxConnections = options.connectionsMax ?? 10_000;
  if (options.corsOrigins !== undefined && options.corsOrigins.length > 0) {
    await app.register(cors, { origin: [...options.corsOrigins], exposedHeaders: EXPOSED_HEADERS, maxAge: 600 });
  }
  if (options.compress !== false) {
    await app.register(compress, { threshold: COMPRESS_FROM_BYTES, encodings: ["gzip"], globalDecompression: false });
  }
  await options.mount?.(app);
  serve(app, options.gateway);
  await app.listen({ port: options.port, host: options.host ?? "127.0.0.1" });
  const { port, address, family } = app.server.address() as AddressInfo;
  return {
    url: `http://${reachable(address, family)}:${port}`,
    port,
    close: (how = {}) => close(app, options.gateway, how),
  };
}

/** An address by which this machine reaches what listens: "all addresses" is none that every system connects to. */
function reachable(address: string, family: string): string {
  if (family !== "IPv6") return address === "0.0.0.0" ? "127.0.0.1" : address;
  return address === "::" ? "[::1]" : `[${address}]`;
}

function serve(app: FastifyInstance, gateway: Gateway): void {
  // The answer is given before Fastify would look at the body: the chain decides whether it is read at all.
  app.route({
    method: METHODS,
    url: "/*",
    onRequest: (request, reply) => {
      answer(gateway, request, reply);
    },
    handler: () => undefined,
  });
  // Methods that no route has: the chain says what there is instead.
  app.setNotFoundHandler((request, reply) => {
    answer(gateway, request, reply);
    return reply;
  });
}

function answer(gateway: Gateway, request: FastifyRequest, reply: FastifyReply): void {
  const abort = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) abort.abort();
  });
  void gateway.handle(gatewayRequest(request, abort.signal)).then((response) => {
    if (gateway.draining) response.headers["connection"] = "close";
    reply.code(response.status).headers(response.headers).send(response.body);
  });
}

function gatewayRequest(request: FastifyRequest, signal: AbortSignal): GatewayRequest {
  const { raw } = request;
  const url = raw.url ?? "/";
  const mark = url.indexOf("?");
  return {
    method: raw.method ?? "GET",
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? "" : url.slice(mark + 1),
    headers: raw.headers,
    body: bodySource(raw),
    remoteAddress: request.ip,
    signal,
  };
}

async function close(app: FastifyInstance, gateway: Gateway, options: CloseOptions): Promise<void> {
  gateway.drain();
  const { noticeMs = 0, graceMs = 10_000 } = options;
  if (noticeMs > 0) await new Promise((resolve) => setTimeout(resolve, noticeMs));
  const cut = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}
