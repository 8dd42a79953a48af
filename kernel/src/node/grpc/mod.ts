/** node/grpc: contracts over gRPC with mutual TLS. Apart from node/external, for the library takes 13 MB and 100 ms to load. */
export { type GrpcMethod, type LockOf, grpcMethods } from "./contracts.ts";
export { GrpcServer, type GrpcServerOptions } from "./grpc-server.ts";
export { GrpcTransport, type GrpcTransportOptions } from "./grpc-transport.ts";
export { type MessageCodec, Unfit, messageCodec } from "./messages.ts";
