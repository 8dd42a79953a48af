/** The gateway: the policy chain and the routes that it serves, as one value that a server or a simulation drives. */
import type { ContractBase } from "../contract/mod.ts";
import { type EventLoopDelay, LateLoop } from "../guard/mod.ts";
import type { Metrics, Tracer } from "../observe/mod.ts";
import type { Clock, Logger, Random } from "../std/mod.ts";
import { apiPage } from "./api-page.ts";
import { Chain, type Endpoint, type OwnAnswer } from "./chain.ts";
import {
  type OwnDocument,
  type ReadinessCheck,
  documentResponse,
  liveness,
  metricsResponse,
  readiness,
} from "./health.ts";
import { type ApiInfo, openApi } from "./openapi.ts";
import { type RoutePlan, routePlans } from "./plan.ts";
import type { Authenticate, Invoke, RatePolicy } from "./ports.ts";
import { RateGate } from "./rate.ts";
import { requestMetrics } from "./request-metrics.ts";
import type { GatewayRequest } from "./request.ts";
import { type GatewayResponse, JSON_TYPE } from "./response.ts";
import { Router } from "./router.ts";

/** What a gateway needs. */
export interface GatewayOptions {
  readonly contracts: readonly ContractBase[];
  readonly info: ApiInfo;
  readonly invoke: Invoke;
  /** Judges bearer tokens. */
  readonly authenticate?: Authenticate;
  /** Judges `X-Api-Key`. */
  readonly apiKey?: Authenticate;
  /** The limit of each network address: it holds before anything else is done. */
  readonly addressRate?: RatePolicy;
  /** The limit of each identity, after it is known. */
  readonly identityRate?: RatePolicy;
  readonly clock: Clock;
  readonly random: Random;
  /** How late this process runs: when it is late, the least important requests are refused first. */
  readonly eventLoop: EventLoopDelay;
  readonly tracer: Tracer;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What `/readyz` asks. */
  readonly readiness?: readonly ReadinessCheck[];
  /** Whether `/metrics` is served here; not unless said. */
  readonly serveMetrics?: boolean;
  /** Whether a client's `traceparent` continues its trace; true unless said. */
  readonly joinTraces?: boolean;
  /** The most bytes of a body where the binding does not say; 1 MiB unless said. */
  readonly bodyBytesMax?: number;
  /** How many requests may be under way at once; 2,000 unless said. */
  readonly inFlightMax?: number;
}

const MIB = 2 ** 20;
const DEADLINE_MS = 2_000;
const DOCUMENT_TYPE = "text/html; charset=utf-8";
/** The API page is one file: its style and script are within it, and it asks only its own host. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'";

/** A gateway. It holds no connections: a server hands it requests. */
export class Gateway {
  readonly #chain: Chain;
  readonly #checks: readonly ReadinessCheck[];
  readonly #document: () => Readonly<Record<string, unknown>>;
  #draining = false;

  /** @throws {TypeError} when two operations claim one route, or a binding cannot work. */
  constructor(options: GatewayOptions) {
    const { contracts, metrics } = options;
    const plans = routePlans(contracts, {
      bodyBytesMax: options.bodyBytesMax ?? MIB,
      deadlineMs: DEADLINE_MS,
    });
    let document: Readonly<Record<string, unknown>> | undefined;
    this.#document = () => (document ??= openApi(contracts, plans, options.info));
    this.#checks = options.readiness ?? [];
    this.#chain = new Chain({
      router: this.#routes(plans, options),
      invoke: options.invoke,
      judges: { authenticate: options.authenticate, apiKey: options.apiKey },
      addressRate: options.addressRate && new RateGate(options.addressRate),
      identityRate: options.identityRate && new RateGate(options.identityRate),
      clock: options.clock,
      random: options.random,
      lateLoop: new LateLoop(options.eventLoop, options.random),
      tracer: options.tracer,
      log: options.log,
      metrics: requestMetrics(metrics),
      joinTraces: options.joinTraces ?? true,
      inFlightMax: options.inFlightMax ?? 2_000,
    });
    const active = metrics.gauge("http.server.active_requests", "HTTP requests under way.", []).with({});
    active.from(() => this.#chain.inFlight);
  }

  /** The OpenAPI document; made when it is first asked for. */
  get document(): Readonly<Record<string, unknown>> {
    return this.#document();
  }

  /** Answers a request. Never rejects. */
  handle(request: GatewayRequest): Promise<GatewayResponse> {
    return this.#chain.handle(request);
  }

  /** Makes `/readyz` fail, so that no more requests are sent here. Those that come are still answered. */
  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** How many requests are under way. */
  get inFlight(): number {
    return this.#chain.inFlight;
  }

  #routes(plans: readonly RoutePlan[], options: GatewayOptions): Router<Endpoint> {
    const router = new Router<Endpoint>();
    const own = (path: string, answer: OwnAnswer): void =>
      router.add("GET", path, `The gateway's ${path}`, { kind: "own", answer });
    own("/healthz", liveness);
    own("/readyz", () => readiness(this.#checks, this.#draining));
    own(
      "/openapi.json",
      ownDocument(JSON_TYPE, () => JSON.stringify(this.document)),
    );
    own(
      "/docs",
      ownDocument(DOCUMENT_TYPE, () => apiPage(options.info.title), PAGE_POLICY),
    );
    // Problem types are URIs; whoever follows one lands where faults are explained.
    const codes = new Set(
      plans.flatMap(({ definition }) => (definition.faults ?? []).map(({ code }) => code as string)),
    );
    own("/problems/:service/:code", ({ path }) => {
      const code = path.slice("/problems/".length);
      const location = `/docs#${codes.has(code) ? code : "problems"}`;
      return { status: 302, headers: { location }, body: undefined };
    });
    if (options.serveMetrics === true) own("/metrics", () => metricsResponse(options.metrics.toPrometheus()));
    for (const plan of plans)
      router.add(plan.binding.method, plan.binding.path, plan.name, { kind: "operation", plan });
    return router;
  }
}

function ownDocument(type: string, make: () => string, policy?: string): OwnAnswer {
  let document: OwnDocument | undefined;
  return (request) => {
    if (document === undefined) {
      const text = make();
      document = { type, text, etag: `"${hashOf(text)}"`, ...(policy === undefined ? {} : { policy }) };
    }
    return documentResponse(request, document);
  };
}

/** FNV-1a in 32 bits, with the length: enough to tell one build's document from another's. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return `${(hash >>> 0).toString(16)}-${text.length.toString(16)}`;
}
