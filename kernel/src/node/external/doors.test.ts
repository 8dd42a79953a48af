/** The HTTP door is held to what doors everywhere are. */
import { clock } from "../wire/testing/bench.ts";
import { doorSuite } from "../wire/testing/door-suite.ts";
import { HttpServer, HttpTransport } from "./mod.ts";

doorSuite("http", "http/1.1", async ({ identity, ...parts }) => {
  const server = await HttpServer.listen({
    ...{ identity, clock, paths: ["service/callee"], ...parts },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
  });
  const baseUrls = { callee: `https://127.0.0.1:${server.port}` };
  return { server, connect: () => new HttpTransport({ identity, clock, baseUrls }) };
});
