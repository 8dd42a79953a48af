/** node/external: calls to and from services in other languages, as HTTP with JSON over mutual TLS. */
export { CallMalformed, noRoom } from "./faults.ts";
export { HttpServer, type HttpServerOptions } from "./http-server.ts";
export { ForeignAnswer, HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
export { BODY_BYTES_MAX, DEADLINE_MS_MAX, type Headers, callTo, headersOf } from "./protocol.ts";
