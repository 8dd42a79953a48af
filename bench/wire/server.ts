/** The wire's benchmark: the process that is called. */
import type { Secrets } from "./question.ts";
import { serveGrpc } from "./grpc.ts";
import { serveHttp } from "./http.ts";
import { serveWire } from "./ours.ts";

const secrets = await new Promise<Secrets>((resolve) => {
  process.once("message", (message) => resolve((message as { secrets: Secrets }).secrets));
});
const [ours, http, grpc] = await Promise.all([serveWire(secrets), serveHttp(secrets), serveGrpc(secrets)]);
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ours, http, grpc });
