/** A process of a fleet that cannot start: it ends, whatever it has open by then. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "../node/clock.ts";
import { hasNats, startNats } from "../node/engines/mod.ts";
import { writeFleetFile, writeInstanceFile } from "../node/fleet/fleet-file.ts";
import { localCredentials } from "../node/local-fleet/mod.ts";

const ENTRY = fileURLToPath(new URL("testing/host-main.ts", import.meta.url));
const skip = hasNats() ? false : "nats-server is not installed: apt-get install nats-server";

test("a gateway whose port is taken ends at once, and says so", { skip }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-host-"));
  const nats = await startNats({ folder: join(folder, "nats") });
  const stranger = createServer().listen(0, "127.0.0.1");
  context.after(async () => {
    stranger.close();
    await nats?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await once(stranger, "listening");
  const { port } = stranger.address() as AddressInfo;
  const identityFolder = join(folder, "identity");
  mkdirSync(identityFolder);
  const trustDomain = "fleet.test";
  await localCredentials({ folder, trustDomain, clock: systemClock() }).write(identityFolder, ["gateway"]);
  const servers = [`127.0.0.1:${nats?.port}`];
  writeFleetFile(folder, {
    ...{ version: 1, system: "Empty", trustDomain, zone: "z", gateways: [], engines: { nats: { servers } } },
  });
  writeInstanceFile(folder, {
    ...{ version: 1, instance: "gateway-1", group: "gateway", services: [], label: "1" },
    ...{ identityFolder, dataFolder: folder, gateway: { host: "127.0.0.1", port } },
    credentials: { nats: { gateway: { user: "gateway", password: "any" } } },
  });
  const words = ["run", "--gateway", "--instance", "gateway-1", "--fleet", folder];
  const child = fork(ENTRY, words, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  context.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout?.on("data", (part: Buffer) => (said += part.toString()));
  assert.deepEqual(await once(child, "exit", { signal: AbortSignal.timeout(30_000) }), [1, null]);
  assert.match(said, /This process could not start.*EADDRINUSE/);
});
