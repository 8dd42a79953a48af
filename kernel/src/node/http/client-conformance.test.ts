/** The real HTTP client is held to what every way to ask outside does. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Party, fetchConformance } from "../../runtime/testing/fetch-conformance.ts";
import { httpClient } from "./client.ts";

const RESPONSE_BYTES_MAX = 10_000;

fetchConformance("by node:http", async () => {
  let party: Party = async () => ({ status: 200, headers: {}, body: "" });
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { pathname, search } = new URL(request.url ?? "/", "http://here");
      const { method = "", headers } = request;
      const heard = { method, path: pathname, query: search.slice(1), body: Buffer.concat(chunks).toString() };
      void party({ ...heard, headers: headers as Record<string, string> }).then((answer) => {
        if (answer === "cut") return request.socket.destroy();
        return response.writeHead(answer.status, answer.headers).end(answer.body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = httpClient({ responseBytesMax: RESPONSE_BYTES_MAX });
  return {
    fetch: client.fetch,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nowhere: "http://127.0.0.1:1/",
    responseBytesMax: RESPONSE_BYTES_MAX,
    answer: (next) => void (party = next),
    async close() {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
});
