/**
 * Requests of this process to its own gateway (a sandbox provider's webhooks, for instance) without sockets: the policy
 * chain is a function from request to response, and they go through all of it. Two HTTP stacks and four system calls a
 * request are saved, which cost more than what most requests do.
 */
import type { Gateway, GatewayResponse } from "../../gateway/mod.ts";
import type { HttpRequest, HttpResponse } from "../../runtime/mod.ts";
import { type HttpClient, type HttpClientOptions, RESPONSE_BYTES_MAX, TIMEOUT_MS, failed } from "./client.ts";

/** What {@link loopback} takes. */
export interface LoopbackOptions extends Pick<HttpClientOptions, "responseBytesMax" | "timeoutMs"> {
  readonly gateway: Pick<Gateway, "handle">;
  /** The origin at which the gateway is reached: `http://127.0.0.1:3000`. */
  readonly origin: string;
  /** Asks everybody else. */
  readonly fetch: HttpClient["fetch"];
}

/** Where requests of this machine to itself come from. */
const OWN_ADDRESS = "127.0.0.1";

/** A `fetch` that knows its own gateway. As with sockets, there is no answer when the time is up, or it is too large. */
export function loopback(options: LoopbackOptions): HttpClient["fetch"] {
  const { gateway, fetch, responseBytesMax: bytesMax = RESPONSE_BYTES_MAX, timeoutMs = TIMEOUT_MS } = options;
  const { origin, host } = new URL(options.origin);
  return (request, signal) => {
    const url = request.url.startsWith(origin) ? URL.parse(request.url) : null;
    if (url === null || url.origin !== origin) return fetch(request, signal);
    return new Promise<HttpResponse>((resolve, reject) => {
      const hangUp = new AbortController();
      const fail = (reason: string, cause?: unknown): void => {
        settle();
        hangUp.abort();
        reject(failed(host, reason, cause));
      };
      const onAbort = (): void => fail("the caller gave up");
      const limitMs = request.timeoutMs ?? timeoutMs;
      const timer = setTimeout(() => fail(`it took longer than ${limitMs} ms`), limitMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      if (signal?.aborted === true) return onAbort();
      signal?.addEventListener("abort", onAbort);
      gateway.handle(gatewayRequest(request, url, hangUp.signal)).then(
        (response) => {
          const answer = httpResponse(response);
          if (Buffer.byteLength(answer.body) > bytesMax) return fail(`its answer is larger than ${bytesMax} bytes`);
          settle();
          resolve(answer);
        },
        (error: unknown) => fail(String(error), error),
      );
    });
  };
}

function gatewayRequest(request: HttpRequest, url: URL, signal: AbortSignal): Parameters<Gateway["handle"]>[0] {
  const headers: Record<string, string> = { host: url.host, "user-agent": "isomer" };
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  const { method, body } = request;
  const common = { method, path: url.pathname, query: url.search.slice(1), remoteAddress: OWN_ADDRESS, signal };
  if (body === undefined || body === "") return { ...common, headers };
  headers["content-length"] = String(Buffer.byteLength(body));
  // Over a socket, half a character becomes the replacement character.
  return { ...common, headers, body: body.toWellFormed() };
}

function httpResponse({ status, headers, body = "" }: GatewayResponse): HttpResponse {
  return {
    status,
    headers: { ...headers },
    body: typeof body === "string" ? body : Buffer.from(body).toString("utf8"),
  };
}
