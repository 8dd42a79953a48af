/**
 * A process that speaks to a supervisor as a host does, and misbehaves as it is told: `FAKE_HOST` names services or
 * labels and what is wrong with them: `{"orders":"crash"}`.
 */
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import cluster from "node:cluster";
import { parseArgs } from "node:util";
import { readFleetFile, readInstanceFile } from "../fleet-file.ts";

/** `crash` at the start, `hang` at the start, `deaf` to being told to end, `stuck` in its drain. */
export type Misbehaviour = "crash" | "hang" | "deaf" | "stuck";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    services: { type: "string" },
    gateway: { type: "boolean" },
    port: { type: "string" },
    instance: { type: "string" },
    fleet: { type: "string" },
    "version-label": { type: "string" },
  },
});
const { services = "", instance = "", fleet = "", "version-label": label = "" } = values;
const wrong = JSON.parse(process.env["FAKE_HOST"] ?? "{}") as Readonly<Record<string, Misbehaviour>>;
const behaviour = [...services.split(","), label].map((name) => wrong[name]).find((found) => found !== undefined);

/** Adds a line to the fleet's diary, so that a test sees in which order things happened. */
const note = (what: string): void => appendFileSync(`${fleet}/diary.txt`, `${what} ${instance} ${process.pid}\n`);
const log = (message: string): void => void process.stdout.write(`${JSON.stringify({ level: "info", message })}\n`);

if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
process.on("SIGINT", () => undefined);
if (readInstanceFile(fleet, instance).instance !== instance || readFleetFile(fleet).version !== 1) process.exit(3);
if (behaviour === "crash") {
  process.stderr.write("crashed as told\n");
  process.exit(1);
}
if (behaviour === "hang") setInterval(() => undefined, 60_000);
else await serve();

async function serve(): Promise<void> {
  const server = createServer((_, response) => response.end(`${label} ${process.pid}`));
  server.listen({ host: "127.0.0.1", port: Number(values.port ?? 0), exclusive: values.gateway !== true });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let isDraining = false;
  const drain = async (): Promise<void> => {
    if (isDraining) return;
    isDraining = true;
    note("drains");
    await new Promise((resolve) => server.close(resolve));
  };
  const end = async (): Promise<void> => {
    if (behaviour === "deaf") return;
    await drain();
    note("ends");
    process.exit(0);
  };
  process.on("SIGTERM", () => void end());
  process.on("disconnect", () => void end());
  process.on("message", ({ type }: { type: string }) => {
    if (type === "stop") void end();
    else if (behaviour !== "stuck" && behaviour !== "deaf")
      void drain().then(() => process.send?.({ type: "drained" }));
  });
  const startedAt = performance.now();
  const stats = (): void => {
    if (!process.connected) return;
    const calls = Math.round(performance.now() - startedAt);
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1000;
    const rssBytes = process.memoryUsage.rss();
    process.send?.({ type: "stats", calls, faults: 0, p50Ms: 1.5, p99Ms: 9, cpuMs, rssBytes });
  };
  log("ready");
  note("ready");
  process.send?.(
    values.gateway ? { type: "ready", httpUrl: `http://127.0.0.1:${port}` } : { type: "ready", wirePort: port },
  );
  stats();
  setInterval(stats, 1_000);
}
