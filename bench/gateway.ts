/**
 * What a request costs at the gateway, in processor time: the policy chain alone, and whole requests over sockets
 * beside a bare `node:http` server. JWT checks are faked (security has its own benchmark); rate limits, metrics and
 * spans are real.
 *
 * Run: `npx node bench/gateway.ts`. The servers run in processes of their own, so the load costs them nothing.
 */
import { type ChildProcess, fork } from "node:child_process";
import http from "node:http";
import { RateLimiter } from "../kernel/src/guard/mod.ts";
import { Metrics, Tracer } from "../kernel/src/observe/mod.ts";
import { systemClock } from "../kernel/src/node/clock.ts";
import { listen } from "../kernel/src/node/http/mod.ts";
import { systemRandom } from "../kernel/src/node/random.ts";
import type { Gateway } from "../kernel/src/gateway/mod.ts";
import { aProduct, aRequest, sampleGateway } from "../kernel/src/gateway/testing/sample.ts";

const CHAIN_REQUESTS = 200_000;
const SOCKET_REQUESTS = 40_000;
const CONNECTIONS = 32;
const ORDER = JSON.stringify({
  lines: [
    { sku: "desk-1", quantity: 2 },
    { sku: "lamp-7", quantity: 1 },
  ],
});
const HEADERS = { authorization: "Bearer user:ada:customer", "accept-encoding": "identity" };
const POST_HEADERS = { ...HEADERS, "content-type": "application/json", "idempotency-key": "0198c0de-key" };

function gateway(): Gateway {
  const world = { clock: systemClock(), random: systemRandom() };
  const rate = { quota: 1e9, windowMs: 60_000 };
  return sampleGateway(world, {
    // One hop in memory: what it costs is the runtime's to measure.
    invoke: async () => ({ output: aProduct, replayed: false }),
    addressRate: { name: "address", ...rate, limiter: new RateLimiter({ limit: 1e9, windowMs: 60_000 }) },
    identityRate: { name: "user", ...rate, limiter: new RateLimiter({ limit: 1e9, windowMs: 60_000 }) },
    metrics: new Metrics(),
    tracer: new Tracer({ ...world, sampleRate: 0.1 }),
  });
}

async function serve(kind: string): Promise<void> {
  let port: number;
  if (kind === "bare") {
    const body = JSON.stringify(aProduct);
    const server = http.createServer((request, response) => {
      request.resume();
      request.on("end", () =>
        response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as { port: number }).port;
  } else {
    port = (await listen({ gateway: gateway(), port: 0 })).port;
  }
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.send?.(port);
}

/** Microseconds of processor time, user and system. */
const sum = (usage: NodeJS.CpuUsage): number => usage.user + usage.system;

async function chain(
  name: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<void> {
  const edge = gateway();
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const run = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const response = await edge.handle(aRequest(method, path, headers, bytes));
      if (response.status >= 300) throw new Error(String(response.body));
    }
  };
  await run(20_000);
  const before = process.cpuUsage();
  await run(CHAIN_REQUESTS);
  report(`chain: ${name}`, sum(process.cpuUsage(before)) / CHAIN_REQUESTS);
}

async function sockets(
  kind: string,
  name: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<number> {
  const child = fork(new URL(import.meta.url), ["serve", kind]);
  const port = await reply<number>(child);
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = http.request({ port, host: "127.0.0.1", method, path, headers, agent }, (response) => {
        response.resume();
        response.on("end", () =>
          (response.statusCode ?? 500) < 300 ? resolve() : reject(new Error(String(response.statusCode))),
        );
      });
      request.on("error", reject);
      request.end(body);
    });
  const run = async (count: number): Promise<void> => {
    let left = count;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        while (left > 0) {
          left -= 1;
          await one();
        }
      }),
    );
  };
  await run(8_000);
  const before = await usage(child);
  await run(SOCKET_REQUESTS);
  const each = (sum(await usage(child)) - sum(before)) / SOCKET_REQUESTS;
  agent.destroy();
  child.kill();
  report(`${kind}: ${name}`, each);
  return each;
}

function reply<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", (message) => resolve(message as T)));
}

function usage(child: ChildProcess): Promise<NodeJS.CpuUsage> {
  const answer = reply<NodeJS.CpuUsage>(child);
  child.send("usage");
  return answer;
}

function report(name: string, micros: number): void {
  console.log(`${name.padEnd(34)} ${micros.toFixed(1).padStart(7)} µs CPU a request`);
}

if (process.argv[2] === "serve") {
  await serve(process.argv[3] ?? "bare");
} else {
  const product = `/products/${aProduct.id}`;
  await chain("GET with a field in the path", "GET", product, HEADERS);
  await chain("GET with a query", "GET", "/products?q=desk&limit=20&tag=a&tag=b", HEADERS);
  await chain("POST with a body", "POST", "/orders", POST_HEADERS, ORDER);
  const bareGet = await sockets("bare", "GET", "GET", product, HEADERS);
  const get = await sockets("gateway", "GET", "GET", product, HEADERS);
  const barePost = await sockets("bare", "POST", "POST", "/orders", POST_HEADERS, ORDER);
  const post = await sockets("gateway", "POST", "POST", "/orders", POST_HEADERS, ORDER);
  report("gateway over bare: GET", get - bareGet);
  report("gateway over bare: POST", post - barePost);
  console.log("Budget (DESIGN.md §7): 100 µs for a whole request.");
}
