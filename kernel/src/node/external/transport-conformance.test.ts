/** Calls as HTTP with JSON are held to what calls everywhere do. */
import { transportConformance } from "../../transport/testing/conformance.ts";
import { HttpServer, HttpTransport } from "./mod.ts";
import { calleeOver } from "./testing/callee-host.ts";

transportConformance("as HTTP with JSON", (probe) =>
  calleeOver(probe, async ({ common, server: parts, userTokenOf }) => {
    const server = await HttpServer.listen({ ...common, ...parts });
    const baseUrls = { callee: `https://127.0.0.1:${server.port}/` };
    return { server, transport: new HttpTransport({ ...common, baseUrls, userTokenOf }) };
  }),
);
