/** node/wire: the wire protocol over mutual TLS. */
export { type StreamedCall, WireChannel, type WireChannelOptions } from "./channel.ts";
export { type WireChannelsOptions, wireChannels } from "./channels.ts";
export { WireServer, type WireServerOptions } from "./server.ts";
export type { SocketBounds } from "./socket-driver.ts";
export { ALPN, type VerifyPeer, serverNameOf } from "./tls.ts";
export type { WireCall } from "./wire-call.ts";
