/** Responses as the policy chain makes them. */

/** One HTTP response. */
export interface GatewayResponse {
  readonly status: number;
  /** Names in lower case. The chain adds its own to them before they leave. */
  readonly headers: Record<string, string>;
  /** Absent for 204, 304 and answers to HEAD. */
  readonly body: string | Uint8Array | undefined;
}

/** The media type of answers. */
export const JSON_TYPE = "application/json; charset=utf-8";
/** The media type of problems (RFC 9457 §3). */
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";
