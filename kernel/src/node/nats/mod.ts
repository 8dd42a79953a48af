/** node/nats: events, hints and the registry over NATS. */
export { JetStreamBroker, type JetStreamBrokerOptions, jetStreamBroker } from "./broker.ts";
export { type BucketOptions, makeRegistryBucket } from "./bucket.ts";
export { natsHints } from "./hints.ts";
export { NatsLink, type NatsCredentials, type NatsLinkOptions, type NatsTls, openNats } from "./link.ts";
export { inboxOf } from "./names.ts";
export { type NatsRegistryOptions, natsRegistry } from "./registry.ts";
export { rewindStream } from "./rewind.ts";
export { type StreamOptions, makeStreams } from "./streams.ts";
export {
  GATEWAY,
  type NatsPermissions,
  type NatsProof,
  type NatsServiceUser,
  type NatsUsers,
  OPERATOR,
  permissionsOf,
  usersConfiguration,
} from "./users.ts";
