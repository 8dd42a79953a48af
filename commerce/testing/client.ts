/** A client of the shop for tests and load: plain HTTP on connections that are kept. */
import http from "node:http";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed JSON, or the text when it is not JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely; schemas are checked elsewhere.
  readonly body: any;
}

/** How to ask. */
export interface Ask {
  readonly body?: unknown;
  /** Sent as it is, instead of `body` as JSON. */
  readonly raw?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** A request on its way, and what comes back: its body as text. Rejects when there is no answer. */
export type Exchange = (request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | undefined;
  readonly timeoutMs: number;
}) => Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly content: string }>;

/** What a client is made of. */
export interface ClientOptions {
  readonly agent?: http.Agent;
  readonly token?: string | undefined;
  /** How requests get there, where it is not by HTTP. */
  readonly exchange?: Exchange | undefined;
}

const TIMEOUT_MS = 30_000;

/** Asks one shop, as one person. */
export class ShopClient {
  readonly url: URL;
  readonly agent: http.Agent;
  readonly #exchange: Exchange | undefined;
  token: string | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.url = new URL(url);
    this.agent = options.agent ?? new http.Agent({ keepAlive: true, maxSockets: 256 });
    this.#exchange = options.exchange;
    this.token = options.token;
  }

  /** What another client needs to ask the same shop. */
  get way(): ClientOptions {
    return { agent: this.agent, exchange: this.#exchange };
  }

  /** Somebody else on the same connections. */
  as(token: string | undefined): ShopClient {
    return new ShopClient(this.url.href, { ...this.way, token });
  }

  get(path: string, ask?: Ask): Promise<Answer> {
    return this.ask("GET", path, ask);
  }
  post(path: string, body: unknown = {}, ask: Ask = {}): Promise<Answer> {
    return this.ask("POST", path, { body, ...ask });
  }
  put(path: string, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask("PUT", path, { body, ...ask });
  }
  patch(path: string, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask("PATCH", path, { body, ...ask });
  }
  delete(path: string, ask: Ask = {}): Promise<Answer> {
    return this.ask("DELETE", path, ask);
  }

  /** Rejects when there is no answer: then nobody knows whether it happened. */
  async ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    const text = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
    const headers: Record<string, string> = { ...ask.headers };
    if (text !== undefined) headers["content-type"] ??= "application/json";
    if (this.token !== undefined) headers["authorization"] = `Bearer ${this.token}`;
    if (ask.key !== undefined) headers["idempotency-key"] = ask.key;
    const exchange = this.#exchange ?? ((request) => this.#overHttp(request));
    const answer = await exchange({ method, path, headers, text, timeoutMs: ask.timeoutMs ?? TIMEOUT_MS });
    return { status: answer.status, headers: answer.headers, body: parse(answer.content, answer.headers) };
  }

  #overHttp({ method, path, headers, text, timeoutMs: timeout }: Parameters<Exchange>[0]): ReturnType<Exchange> {
    const { hostname: host, port } = this.url;
    const length = text === undefined ? {} : { "content-length": Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host, port, method, path, headers: { ...headers, ...length }, agent: this.agent, timeout },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const content = Buffer.concat(chunks).toString("utf8");
            resolve({ status: response.statusCode ?? 0, headers: response.headers, content });
          });
        },
      );
      request.on("timeout", () => request.destroy(new Error("no answer in time")));
      request.on("error", reject);
      request.end(text);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function parse(content: string, headers: http.IncomingHttpHeaders): unknown {
  if (content === "" || headers["content-type"]?.includes("json") !== true) return content;
  return JSON.parse(content);
}
