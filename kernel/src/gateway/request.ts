/** Requests as the policy chain sees them, whichever server or simulation they came through. */

/** The bytes of a body, or how to get them: reading late lets a refused request cost nothing. */
export type BodySource = Uint8Array | string | ((bytesMax: number) => Promise<Uint8Array>);

/** One HTTP request. */
export interface GatewayRequest {
  /** In upper case, as sent. */
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly path: string;
  /** What followed the `?`, percent-encoded; empty when there was none. */
  readonly query: string;
  /** Names in lower case. Only headers that may be repeated are lists. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Absent when the request has no body. A function rejects with `gateway/body-too-large` past its bound. */
  readonly body?: BodySource | undefined;
  /** Who sent it, by network address: the client's, where proxies in front are trusted to tell. */
  readonly remoteAddress: string;
  /** Aborted when the client went away. */
  readonly signal?: AbortSignal | undefined;
}

/** A header that is sent at most once; of a repeated one nothing is believed. */
export function headerOf(request: GatewayRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}
