/** Calls over mutual TLS are held to what calls everywhere do. */
import type { Identity } from "../../contract/mod.ts";
import { Host } from "../../runtime/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import type { Envelope } from "../../transport/mod.ts";
import { calleeSystem, transportConformance } from "../../transport/testing/conformance.ts";
import { systemRandom } from "../random.ts";
import { openWorld } from "../world.ts";
import { WireChannel, WireServer } from "./mod.ts";
import { TestAuthority } from "./testing/authority.ts";

const authority = new TestAuthority();
const identity = authority.identity("service/callee", "service/caller");
authority.close();

transportConformance("over mutual TLS", async (probe) => {
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const { clock } = open.world;
  const host = await Host.start({ system: calleeSystem(probe), world: open.world, jobs: false });
  const common = { identity, clock, log: silentLogger };
  const server = await WireServer.listen({
    ...common,
    handle(call) {
      const { userToken, signal } = call;
      // Who is behind a call is the fleet's business; here the user is told as text.
      const user = userToken === undefined ? undefined : (JSON.parse(userToken) as Identity);
      return host.transport.send({ ...call, signal, identity: user } as Envelope);
    },
  });
  const channel = new WireChannel({
    ...{ ...common, random: systemRandom(), host: "127.0.0.1", port: server.port },
    ...{ peer: "service/callee", own: "service/caller" },
  });
  return {
    clock,
    transport: {
      send: (envelope) =>
        channel.send(envelope, envelope.identity === undefined ? undefined : JSON.stringify(envelope.identity)),
    },
    async close() {
      channel.destroy();
      await server.close();
      await host.stop();
      open.close();
    },
  };
});
