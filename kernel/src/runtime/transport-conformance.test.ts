/** Calls within a host are held to what calls everywhere do. */
import { openWorld } from "../node/world.ts";
import { silentLogger } from "../std/mod.ts";
import { calleeSystem, transportConformance } from "../transport/testing/conformance.ts";
import { Host } from "./mod.ts";

transportConformance("in memory, within a host", async (probe) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const host = await Host.start({ system: calleeSystem(probe), world: open.world, jobs: false });
  return {
    transport: host.transport,
    clock: open.world.clock,
    async close() {
      await host.stop();
      open.close();
    },
  };
});
