/** node/wire: the wire protocol over mutual TLS. */
export { type StreamedCall, WireChannel, type WireChannelOptions } from "./channel.ts";
export { type WireChannelsOptions, wireChannels } from "./channels.ts";
export { type DoorBounds, Doorkeeper, type DoorkeeperOptions } from "./doorkeeper.ts";
export { CALL_BYTES, HeldBytes } from "./held-bytes.ts";
export type { PeerAccount } from "./peer-accounts.ts";
export { WireServer, type WireServerOptions } from "./server.ts";
export type { SocketBounds } from "./socket-driver.ts";
export { ALPN } from "./tls.ts";
export type { WireCall } from "./wire-call.ts";
