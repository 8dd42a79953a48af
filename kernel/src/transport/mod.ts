/** transport: how calls travel. */
export { type AffinityOf, affinityBy } from "./affinity.ts";
export type { Channel, ChannelFactory, ChannelState } from "./channel.ts";
export type { Envelope, Reply, Transport } from "./envelope.ts";
export { NotStarted, PeerRefused, Unreachable, notStarted, wasNotStarted } from "./faults.ts";
export { FleetTransport, type FleetTransportOptions } from "./fleet.ts";
export { INSTANCES_MAX } from "./fleet-members.ts";
export type { Instance, InstanceAddress, InstanceHealth, Lease, Registry, Snapshot } from "./registry.ts";
export { StaticRegistry } from "./static-registry.ts";
export { type InboundCall, type InboundOptions, inbound } from "./inbound.ts";
export { UserTokens, type UserTokensOptions } from "./user-tokens.ts";
