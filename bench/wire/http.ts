/** The wire's benchmark: HTTP/1.1 with JSON, by `node:https` and undici. */
import type { AddressInfo } from "node:net";
import { createServer } from "node:https";
import { Pool } from "undici";
import {
  type Answer,
  CALLS_AT_ONCE,
  type Question,
  type Secrets,
  TRACEPARENT,
  USER_TOKEN,
  answerTo,
} from "./question.ts";

/** Serves; resolves with the port. */
export function serveHttp({ callee }: Secrets): Promise<number> {
  const { privateKey: key, certificateChain: cert, trustBundle: ca } = callee;
  const server = createServer({ key, cert, ca, requestCert: true, minVersion: "TLSv1.3" }, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.stringify(answerTo(JSON.parse(Buffer.concat(parts).toString()) as Question));
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
      response.end(body);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** A client. */
export function callUndici({ caller }: Secrets, port: number): { call(q: Question): Promise<Answer>; close(): void } {
  const { privateKey: key, certificateChain: cert, trustBundle: ca } = caller;
  const pool = new Pool(`https://127.0.0.1:${port}`, {
    connections: CALLS_AT_ONCE,
    connect: { key, cert, ca, servername: "callee", minVersion: "TLSv1.3", checkServerIdentity: () => undefined },
  });
  let keys = 0;
  return {
    async call(input) {
      const { body } = await pool.request({
        ...{ path: "/callee/price", method: "POST", body: JSON.stringify(input) },
        headers: {
          "content-type": "application/json",
          "idempotency-key": `0190a9b0-0000-7000-8000-${(keys += 1)}`,
          traceparent: TRACEPARENT,
          "txn-token": USER_TOKEN,
          "x-deadline-ms": "5000",
        },
      });
      return (await body.json()) as Answer;
    },
    close: () => void pool.close(),
  };
}
