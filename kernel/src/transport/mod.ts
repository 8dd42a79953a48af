/** transport: how calls travel. */
export type { Channel, ChannelFactory, ChannelState } from "./channel.ts";
export type { Envelope, Reply, Transport } from "./envelope.ts";
export { NotStarted, PeerRefused, Unreachable, notStarted, wasNotStarted } from "./faults.ts";
export type { Instance, InstanceAddress, InstanceHealth, Lease, Registry, Snapshot } from "./registry.ts";
export { StaticRegistry } from "./static-registry.ts";
export { type InboundCall, type InboundOptions, inbound } from "./inbound.ts";
export { UserTokens, type UserTokensOptions } from "./user-tokens.ts";
