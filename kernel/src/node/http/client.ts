/**
 * Outbound HTTP: asks parties outside the system, on connections that are kept and bounded. Redirects are not
 * followed: where they lead, nobody has allowed.
 */
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import { HttpFailed, type HttpRequest, type HttpResponse } from "../../runtime/mod.ts";
import type { Fault } from "../../std/mod.ts";

/** What {@link httpClient} takes. */
export interface HttpClientOptions {
  /** The most connections to one host; 64 unless said. Further requests wait, within their time. */
  readonly socketsPerHost?: number;
  /** The most bytes of an answer's body; 1 MiB unless said. */
  readonly responseBytesMax?: number;
  /** The longest that a request may take when it does not say, in milliseconds; 10,000 unless said. */
  readonly timeoutMs?: number;
}

/** A client and how to end it. */
export interface HttpClient {
  /** @throws {HttpFailed} when there is no answer. Any status resolves. */
  readonly fetch: (request: HttpRequest, signal?: AbortSignal) => Promise<HttpResponse>;
  /** Closes the connections that are kept. */
  close(): void;
}

interface Limits {
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** Makes a client. */
export function httpClient(options: HttpClientOptions = {}): HttpClient {
  const socketsPerHost = options.socketsPerHost ?? 64;
  const agentOptions = {
    keepAlive: true,
    maxSockets: socketsPerHost,
    // What a burst opened, the next one uses: opening a connection costs both sides more than a request does.
    maxFreeSockets: socketsPerHost,
    timeout: 60_000,
  };
  const plain = new http.Agent(agentOptions);
  const secure = new https.Agent(agentOptions);
  const limits = {
    bytesMax: options.responseBytesMax ?? 2 ** 20,
    timeoutMs: options.timeoutMs ?? 10_000,
  };
  return {
    fetch: (request, signal) => send(request, signal, { plain, secure }, limits),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

type Agents = { readonly plain: http.Agent; readonly secure: https.Agent };

function send(
  request: HttpRequest,
  signal: AbortSignal | undefined,
  agents: Agents,
  limits: Limits,
): Promise<HttpResponse> {
  const url = URL.parse(request.url);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return Promise.reject(failed(url?.host || "nowhere", "the URL is not http or https"));
  }
  const timeoutMs = request.timeoutMs ?? limits.timeoutMs;
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void => {
      clearTimeout(timer);
      reject(failed(url.host, signal?.aborted === true ? "the caller gave up" : reason, cause));
    };
    let outgoing: ClientRequest | undefined;
    const timer = setTimeout(() => {
      outgoing?.destroy(new Error(`it took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      outgoing = open(request, url, signal, agents);
    } catch (error) {
      // Headers with line breaks, and the like: refused before anything is sent.
      fail(String(error), error);
      return;
    }
    outgoing.on("error", (error) => fail(error.message, error));
    outgoing.on("response", (incoming) => {
      collect(incoming, limits.bytesMax, fail, (body) => {
        clearTimeout(timer);
        resolve({ status: incoming.statusCode ?? 0, headers: flat(incoming), body });
      });
    });
    outgoing.end(request.body);
  });
}

function open(request: HttpRequest, url: URL, signal: AbortSignal | undefined, agents: Agents): ClientRequest {
  const headers: Record<string, string | number> = { "user-agent": "isomer", ...request.headers };
  if (request.body !== undefined) headers["content-length"] = Buffer.byteLength(request.body);
  const secure = url.protocol === "https:";
  return (secure ? https : http).request(url, {
    method: request.method,
    headers,
    agent: secure ? agents.secure : agents.plain,
    ...(signal === undefined ? {} : { signal }),
  });
}

function collect(
  incoming: IncomingMessage,
  bytesMax: number,
  fail: (reason: string, cause: unknown) => void,
  done: (text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) incoming.destroy(new Error(`its answer is larger than ${bytesMax} bytes`));
    else chunks.push(chunk);
  });
  incoming.on("error", (error) => fail(error.message, error));
  incoming.on("end", () => done(Buffer.concat(chunks, bytes).toString("utf8")));
}

function flat(incoming: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return headers;
}

function failed(host: string, reason: string, cause?: unknown): Fault {
  return HttpFailed.with({ host, reason }, cause === undefined ? undefined : { cause });
}
