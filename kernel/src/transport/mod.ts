/** transport: how calls travel. */
export type { Envelope, Reply, Transport } from "./envelope.ts";
export { PeerRefused, Unreachable } from "./faults.ts";
export { type InboundCall, type InboundOptions, inbound } from "./inbound.ts";
export { UserTokens, type UserTokensOptions } from "./user-tokens.ts";
