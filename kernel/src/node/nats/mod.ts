/** node/nats: events, hints and the registry over NATS. */
export { JetStreamBroker, type JetStreamBrokerOptions, jetStreamBroker } from "./broker.ts";
export { NatsLink, type NatsCredentials, type NatsLinkOptions, openNats } from "./link.ts";
export { type StreamOptions, makeStreams } from "./streams.ts";
