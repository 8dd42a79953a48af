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
export function httpListener(gateway: Gateway, occasion: (name: string) => string): Listener {
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
  const [path = "/", query = ""] = target.split("?", 2);
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

/** The port through which services ask parties outside: only the system itself is there. */
export function simulatedFetch(parts: HttpParts): Fetch {
  return async (request, signal) => {
    const url = new URL(request.url);
    if (url.origin !== SIM_URL) throw HttpFailed.with({ host: url.host, reason: "it is not in the simulation" });
    const { method, headers, body, timeoutMs = 10_000 } = request;
    try {
      return await askGateway(parts, {
        ...{ method, target: `${url.pathname}${url.search}`, timeoutMs, signal },
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw HttpFailed.with({ host: url.host, reason: "no answer came" }, { cause: error });
    }
  };
}

const STATUS = /^\{"status":(\d+)/;

function statusIn(text: string): string | undefined {
  return STATUS.exec(text)?.[1];
}
