/** HTTP in simulation: requests go over the simulated network to a gateway, which is a function. */
import type { Gateway, GatewayResponse } from "../gateway/mod.ts";
import { type Fetch, HttpFailed } from "../runtime/mod.ts";
import type { Listener } from "./machine.ts";
import type { Asker, Network } from "./network.ts";
import { under } from "./real/cause.ts";

/** The port on which gateways take requests. */
export const HTTP = "http";

/** Where the system is reached in simulation. */
export const SIM_URL = "http://shop.sim";

/** A request on its way. */
export interface SimRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly remoteAddress: string;
  readonly from: string;
}

/** What came back. */
export interface SimResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Takes requests for a gateway. */
export function httpListener(gateway: Pick<Gateway, "handle">, occasion: (name: string) => string): Listener {
  return async (text, signal) => {
    const { from, ...request } = JSON.parse(text) as SimRequest;
    const { method, path } = request;
    const name = occasion(`http ${from} ${method} ${path} ${request.headers["idempotency-key"] ?? ""}`);
    const { status, headers, body } = await under(name, () => gateway.handle({ ...request, signal }));
    return JSON.stringify({ status, headers, body: textOf(body) } satisfies SimResponse);
  };
}

function textOf(body: GatewayResponse["body"]): string {
  return typeof body === "string" ? body : body === undefined ? "" : new TextDecoder().decode(body);
}

/** What a way out needs. */
export interface HttpParts {
  readonly network: Network;
  readonly asker: Asker;
  readonly gatewayFor: (occasion: string) => string;
  readonly occasion: (name: string) => string;
}

/** How to ask. */
export interface HttpAsk {
  readonly method: string;
  /** With the query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Asks a gateway. Rejects with `transport/unreachable` when there is no answer. */
export async function askGateway(parts: HttpParts, ask: HttpAsk): Promise<SimResponse> {
  const { network, asker, gatewayFor } = parts;
  const { method, target, headers = {}, body, timeoutMs, signal } = ask;
  const mark = target.indexOf("?");
  const [path, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const about = lower["idempotency-key"] ?? lower["x-webhook-id"] ?? "";
  const occasion = parts.occasion(`http ${asker.name} ${method} ${path} ${about}`);
  const request: SimRequest = {
    ...{ method, path, query, headers: lower, from: asker.name, remoteAddress: "10.0.0.1" },
    ...(body === undefined ? {} : { body }),
  };
  const text = await network.ask(asker, {
    ...{ to: gatewayFor(occasion), port: HTTP, what: `${method} ${path}`, about, timeoutMs, signal },
    ...{ body: JSON.stringify(request), outcomeOf: statusIn },
  });
  return JSON.parse(text) as SimResponse;
}

/** The most bytes of an answer's body that services take, as the real client has it unless told. */
export const RESPONSE_BYTES_MAX: number = 2 ** 20;

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
// oxlint-disable-next-line no-control-regex -- what may not stand in a header is control characters (RFC 9110 §5.5).
const HEADER_VALUE = /^[^\x00-\x08\x0a-\x1f\x7f]*$/;

/** The port through which services ask parties outside: only the system itself is there. */
export function simulatedFetch(parts: HttpParts): Fetch {
  return async (request, signal) => {
    const url = URL.parse(request.url);
    const failed = (reason: string, cause?: unknown): Error =>
      HttpFailed.with({ host: url?.host || "nowhere", reason }, { cause });
    if (url === null || !/^https?:$/.test(url.protocol)) throw failed("the URL is not http or https");
    if (url.origin !== SIM_URL) throw failed("it is not in the simulation");
    const { method, headers = {}, body, timeoutMs = 10_000 } = request;
    const isWrong = ([name, value]: [string, string]): boolean => !HEADER_NAME.test(name) || !HEADER_VALUE.test(value);
    if (Object.entries(headers).some(isWrong)) throw failed("a header is not allowed");
    const asking = { method, target: `${url.pathname}${url.search}`, headers, timeoutMs, signal };
    const answer = await askGateway(parts, { ...asking, ...(body === undefined ? {} : { body }) }).catch(
      (error: unknown) => {
        throw failed(signal?.aborted === true ? "the caller gave up" : "no answer came", error);
      },
    );
    // A character takes three bytes at most: short answers need not be measured.
    const isShort = answer.body.length * 3 <= RESPONSE_BYTES_MAX;
    if (!isShort && encoder.encode(answer.body).length > RESPONSE_BYTES_MAX)
      throw failed(`its answer is larger than ${RESPONSE_BYTES_MAX} bytes`);
    return answer;
  };
}

const STATUS = /^\{"status":(\d+)/;

function statusIn(text: string): string | undefined {
  return STATUS.exec(text)?.[1];
}

const encoder = new TextEncoder();
