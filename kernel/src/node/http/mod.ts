/** node/http: the gateway on sockets, and the client for parties outside. */
export { type HttpClient, type HttpClientOptions, httpClient } from "./client.ts";
export { type CloseOptions, type ListenOptions, type Listening, listen } from "./listen.ts";
