/** Calls over gRPC are held to what calls everywhere do. */
import { type ContractBase, NO_LOCK, type ProtoLock, protoOf, snapshotOf } from "../../contract/mod.ts";
import { callee } from "../../transport/testing/callee.ts";
import { transportConformance } from "../../transport/testing/conformance.ts";
import { calleeOver } from "../external/testing/callee-host.ts";
import { GrpcServer, GrpcTransport, grpcMethods } from "./mod.ts";

const lockOf = (contract: ContractBase): ProtoLock => protoOf(snapshotOf(contract), NO_LOCK).lock;

transportConformance("over gRPC", (probe) =>
  calleeOver(probe, async ({ common, server: parts, userTokenOf }) => {
    const server = await GrpcServer.listen({ ...common, ...parts, methods: grpcMethods(callee, lockOf(callee)) });
    const transport = new GrpcTransport({
      ...{ ...common, contracts: [callee], lockOf: () => lockOf(callee), userTokenOf },
      addresses: { callee: `127.0.0.1:${server.port}` },
    });
    return { server, transport };
  }),
);
