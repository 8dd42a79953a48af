/** node/external: calls to and from services in other languages, as HTTP with JSON over mutual TLS. */
export { CallMalformed, HttpServer, type HttpServerOptions } from "./http-server.ts";
export { ForeignAnswer, HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
