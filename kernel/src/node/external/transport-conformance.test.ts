/** Calls as HTTP with JSON are held to what calls everywhere do. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Identity } from "../../contract/mod.ts";
import { Host } from "../../runtime/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { calleeSystem, transportConformance } from "../../transport/testing/conformance.ts";
import { LocalAuthority, LocalIdentity } from "../identity/mod.ts";
import { openWorld } from "../world.ts";
import { HttpServer, HttpTransport } from "./mod.ts";

transportConformance("as HTTP with JSON", async (probe) => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-http-"));
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const { clock } = open.world;
  const host = await Host.start({ system: calleeSystem(probe), world: open.world, jobs: false });
  const authority = new LocalAuthority({ folder, trustDomain: "shop.internal", clock });
  const paths = ["service/callee", "service/caller", "service/stranger", "gateway"];
  const identity = new LocalIdentity({ authority, clock, paths });
  const server = await HttpServer.listen({
    ...{ identity, clock, log: silentLogger, paths: ["service/callee"] },
    admit({ userToken, ...call }, peer) {
      // Who is behind a call is the fleet's business; here the user is told as text.
      const user = userToken === undefined ? undefined : (JSON.parse(userToken) as Identity);
      return { ...call, identity: user, peer };
    },
    handle: (envelope) => host.transport.send(envelope),
  });
  const transport = new HttpTransport({
    ...{ identity, clock, baseUrls: { callee: `https://127.0.0.1:${server.port}/` } },
    userTokenOf: ({ identity: user }) => (user === undefined ? undefined : JSON.stringify(user)),
  });
  return {
    clock,
    transport,
    async close() {
      transport.close();
      await server.close(0);
      await host.stop();
      open.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
