/** The gRPC door is held to what doors everywhere are. */
import { NO_LOCK, anyone, contract, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { clock } from "../wire/testing/bench.ts";
import { doorSuite } from "../wire/testing/door-suite.ts";
import { GrpcServer, GrpcTransport, grpcMethods } from "./mod.ts";

const callee = contract("callee", {
  version: "1.0.0",
  queries: { ask: query({ input: t.object({}), output: t.object({ ok: t.boolean() }), allow: [anyone] }) },
});
const { lock } = protoOf(snapshotOf(callee), NO_LOCK);

doorSuite("grpc", "h2", async ({ identity, ...parts }) => {
  const server = await GrpcServer.listen({
    ...{ identity, clock, paths: ["service/callee"], methods: grpcMethods(callee, lock), ...parts },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
  });
  const addresses = { callee: `127.0.0.1:${server.port}` };
  const connect = () => new GrpcTransport({ identity, clock, contracts: [callee], lockOf: () => lock, addresses });
  return { server, connect };
});
