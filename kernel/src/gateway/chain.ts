/**
 * The policy chain: from a request to a response, in one order for all operations. Refusals come as early as what
 * they need is known: rate by address, credential, rate by identity, and only then is the body read.
 */
import type { Identity } from "../contract/mod.ts";
import { type LateLoop, overloaded } from "../guard/mod.ts";
import { type Span, type Tracer, parseTraceparent } from "../observe/mod.ts";
import { type Clock, type Fault, type Logger, type Random, toFault } from "../std/mod.ts";
import { MethodNotAllowed, NoRoute } from "./faults.ts";
import { type Judges, identify } from "./identify.ts";
import { clientKeyOf, readInput } from "./input.ts";
import { outputResponse } from "./output.ts";
import type { RoutePlan } from "./plan.ts";
import type { Invoke } from "./ports.ts";
import { problemResponse } from "./problem.ts";
import type { RateGate, RateNotes } from "./rate.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { type GatewayRequest, headerOf } from "./request.ts";
import type { GatewayResponse } from "./response.ts";
import type { Router } from "./router.ts";

/** Where a path leads: to an operation, or to something that the gateway answers by itself. */
export type Endpoint =
  | { readonly kind: "operation"; readonly plan: RoutePlan }
  | { readonly kind: "own"; readonly answer: OwnAnswer };

/** Answers without a call: health, documents. */
export type OwnAnswer = (request: GatewayRequest) => GatewayResponse | Promise<GatewayResponse>;

/** What the chain works with. */
export interface ChainParts {
  readonly router: Router<Endpoint>;
  readonly invoke: Invoke;
  readonly judges: Judges;
  readonly addressRate: RateGate | undefined;
  readonly identityRate: RateGate | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly tracer: Tracer;
  readonly log: Logger;
  readonly metrics: RequestMetrics;
  /** Whether a client's valid `traceparent` continues its trace; otherwise each request begins one. */
  readonly joinTraces: boolean;
  /** How many requests may be under way at once, of all criticalities. */
  readonly inFlightMax: number;
  readonly lateLoop: LateLoop;
}

/** The share of {@link ChainParts.inFlightMax} up to which requests of a criticality are taken. */
const ADMITTED = { critical: 1, high: 0.95, normal: 0.85, sheddable: 0.7 } as const;
const UNMATCHED = "unmatched";

/** The chain. One for the life of a gateway. */
export class Chain {
  readonly #parts: ChainParts;
  #inFlight = 0;

  constructor(parts: ChainParts) {
    this.#parts = parts;
  }

  /** How many requests are under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers a request. Never rejects: what fails is told as a problem. */
  async handle(request: GatewayRequest): Promise<GatewayResponse> {
    const { method } = request;
    const found = this.#parts.router.match(method, request.path);
    if (found === undefined) return this.#traced(undefined, [], [], request);
    if ("target" in found) {
      const { target, values } = found;
      return target.kind === "operation"
        ? this.#traced(target.plan, [], values, request)
        : this.#own(target.answer, request);
    }
    if (method === "OPTIONS") {
      return guarded({ status: 204, headers: { allow: [...found.allow, "OPTIONS"].join(", ") }, body: undefined });
    }
    return this.#traced(undefined, found.allow, [], request);
  }

  /** What the gateway answers by itself is neither counted nor limited: probes must get through. */
  async #own(answer: OwnAnswer, request: GatewayRequest): Promise<GatewayResponse> {
    let response: GatewayResponse;
    try {
      response = await answer(request);
    } catch (error) {
      response = this.#problem(toFault(error), this.#parts.tracer.start("own", "server", undefined), request.path);
    }
    return withoutBody(request.method, guarded(response));
  }

  /** Serves the plan within a span; without a plan, says what methods there are instead. */
  async #traced(
    plan: RoutePlan | undefined,
    allow: readonly string[],
    values: readonly string[],
    request: GatewayRequest,
  ): Promise<GatewayResponse> {
    const { clock, tracer, metrics, joinTraces } = this.#parts;
    const startedAt = clock.monotonicMs();
    const label = plan?.label ?? UNMATCHED;
    const traceparent = joinTraces ? headerOf(request, "traceparent") : undefined;
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const span = tracer.start(label, "server", parent);
    const notes: RateNotes = { policies: "", limits: "" };
    this.#inFlight += 1;
    let response: GatewayResponse;
    try {
      response =
        plan === undefined
          ? await this.#refuse(allow, request, notes, startedAt)
          : await this.#serve(plan, values, request, span, notes, startedAt);
    } catch (error) {
      response = this.#problem(toFault(error), span, label);
    } finally {
      this.#inFlight -= 1;
    }
    span.set("http.response.status_code", response.status);
    span.end();
    metrics.done(plan?.binding.method ?? "", label, response.status, (clock.monotonicMs() - startedAt) / 1_000);
    const { headers } = guarded(response);
    headers["trace-id"] = span.context.traceId;
    if (notes.policies !== "") {
      headers["ratelimit-policy"] = notes.policies;
      headers["ratelimit"] = notes.limits;
    }
    return withoutBody(request.method, response);
  }

  // oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
  async #serve(
    plan: RoutePlan,
    values: readonly string[],
    request: GatewayRequest,
    span: Span,
    notes: RateNotes,
    nowMs: number,
  ): Promise<GatewayResponse> {
    const { judges, addressRate, identityRate, invoke } = this.#parts;
    this.#admit(plan);
    // Limits that are not shared answer at once: awaiting them would cost a turn.
    const limited = addressRate?.pass(request.remoteAddress, nowMs, notes);
    if (limited !== undefined) await limited;
    const identity = await identify(request, judges);
    if (identity !== undefined) {
      const limitedToo = identityRate?.pass(identity.subject, nowMs, notes);
      if (limitedToo !== undefined) await limitedToo;
    }
    const key = plan.isCommand ? keyOf(plan, request, identity) : undefined;
    const input = await readInput(plan, values, request);
    const reply = await invoke({
      service: plan.service,
      operation: plan.operation,
      input,
      key,
      identity,
      deadlineMs: plan.deadlineMs,
      trace: span.context,
      criticality: plan.criticality,
      signal: request.signal,
    });
    return outputResponse(plan, request, reply, identity === undefined);
  }

  /** First of all, for a refusal must be cheap: before credentials, and before the body is read. @throws {Overloaded} */
  #admit({ criticality }: RoutePlan): void {
    const { inFlightMax, lateLoop, random } = this.#parts;
    const isFull = this.#inFlight > inFlightMax * ADMITTED[criticality];
    if (isFull || lateLoop.refuses(criticality, this.#inFlight)) throw overloaded(random);
  }

  async #refuse(
    allow: readonly string[],
    request: GatewayRequest,
    notes: RateNotes,
    nowMs: number,
  ): Promise<GatewayResponse> {
    await this.#parts.addressRate?.pass(request.remoteAddress, nowMs, notes);
    if (allow.length === 0) throw NoRoute.with({ path: request.path.slice(0, 200) });
    throw MethodNotAllowed.with({ method: request.method.slice(0, 20), allow });
  }

  #problem(fault: Fault, span: Span, route: string): GatewayResponse {
    const { traceId } = span.context;
    const response = problemResponse(fault, traceId);
    if (response.status >= 500) span.fail(fault);
    if (fault.kind === "broken") this.#parts.log.error("A request failed.", { route, traceId, error: fault });
    return response;
  }
}

/**
 * The client's key as the system knows it: keys of different principals never meet. Without an identity the address
 * stands for the principal, so that nobody is handed a stranger's answer for guessing a stranger's key.
 */
function keyOf(plan: RoutePlan, request: GatewayRequest, identity: Identity | undefined): string | undefined {
  const key = clientKeyOf(plan, request);
  if (key === undefined) return undefined;
  return identity === undefined ? `address:${request.remoteAddress}/${key}` : `user:${identity.subject}/${key}`;
}

/** Adds what every answer carries: browsers must neither guess its type nor frame it. */
function guarded(response: GatewayResponse): GatewayResponse {
  const { headers } = response;
  headers["x-content-type-options"] = "nosniff";
  headers["content-security-policy"] ??= "default-src 'none'; frame-ancestors 'none'";
  return response;
}

function withoutBody(method: string, response: GatewayResponse): GatewayResponse {
  return method === "HEAD" ? { ...response, body: undefined } : response;
}
