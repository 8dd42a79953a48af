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
import { ANSWERS_QUESTIONS } from "../host-messages.ts";

/** `crash` at the start, `hang` at the start, `deaf` to being told to end, `stuck` in its drain, `broken` or `picky` when it is asked. */
export type Misbehaviour = "crash" | "hang" | "deaf" | "stuck" | "broken" | "picky";

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
if (process.env[ANSWERS_QUESTIONS] !== "1") process.exit(4);
if (behaviour === "crash") {
  process.stderr.write("crashed as told\n");
  process.exit(1);
}
if (behaviour === "hang") setInterval(() => undefined, 60_000);
else await serve();

/** The first process of a group runs its sagas, the second one hears; there is a dead letter for each group, and the cart's stays dead. */
function answerTo(operation: string): object {
  if (behaviour === "broken") return { fault: { code: "kernel/broken", kind: "broken", message: "It is broken." } };
  if (behaviour === "picky") return { fault: { code: "kernel/invalid", kind: "invalid", message: "Ask otherwise." } };
  const of = { service: services, consumer: "c", source: "s" };
  if (operation === "deadLetters")
    return { output: { items: [{ ...of, type: "t", key: "k", eventId: `e-${services}` }] } };
  if (operation === "consumers") {
    const fault = instance.endsWith("-3") ? { fault: "events/pruned" } : {};
    return { output: { items: [{ ...of, lag: /-[23]$/.test(instance) ? 0 : 9, ...fault }] } };
  }
  if (operation === "rewindTo") return { output: { position: 7 } };
  const data = { id: "x" };
  if (instance.endsWith("-1")) return { fault: { code: "saga/elsewhere", kind: "unavailable", message: "no", data } };
  const isClosed = operation === "redrive" && services === "cart";
  if (isClosed) return { fault: { code: "c/closed", kind: "conflict", message: "It is closed." } };
  return { output: { by: instance, operation } };
}

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
  process.on("message", ({ type, ...asked }: { type: string; id?: number; operation?: string; input?: object }) => {
    if (type === "stop") void end();
    // It hands on what it is asked to the whole fleet, and what it is told to who asked it.
    else if (type === "ask" && asked.operation === "rebuild")
      process.send?.({ type: "question", id: asked.id, ...asked.input });
    else if (type === "told") process.send?.({ ...asked, type: "answer" });
    else if (type === "ask") process.send?.({ type: "answer", id: asked.id, ...answerTo(asked.operation ?? "") });
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
