/** Requests as an attacker sends them: any bytes, any headers, also several of one name. */
import http from "node:http";
import net from "node:net";
import type { Answer } from "../client.ts";

/** A request of any form. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** By name; a list sends the header as often. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** Sends requests on connections that are kept. */
export class RawClient {
  readonly #url: URL;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

  constructor(url: URL) {
    this.#url = url;
  }

  send({ method, path, headers = {}, body }: RawRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = this.#url;
      const request = http.request({ host, port, method, path, agent: this.#agent, timeout: 30_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve(answerOf(response, Buffer.concat(chunks).toString("utf8"))));
      });
      for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
      if (body !== undefined) request.setHeader("content-length", Buffer.byteLength(body));
      request.on("timeout", () => request.destroy(new Error(`no answer in time: ${method} ${path.slice(0, 200)}`)));
      request.on("error", reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function answerOf(response: http.IncomingMessage, text: string): Answer {
  const { statusCode: status = 0, headers } = response;
  const isJson = headers["content-type"]?.includes("json") === true && text !== "";
  return { status, headers, body: isJson ? JSON.parse(text) : text };
}

/** Writes bytes to a socket, and resolves to all that came back when the other side closes it. */
export function overSocket(url: URL, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(url.port), url.hostname);
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    socket.setTimeout(20_000, () => socket.destroy(new Error("The connection stayed open.")));
    socket.on("close", () => resolve(answer));
    socket.on("error", (error) => (answer === "" ? reject(error) : resolve(answer)));
    socket.write(bytes, "latin1");
  });
}

/** Runs work over a list, some at a time. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>, atOnce = 12): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
