/** Health: whether the process lives, and whether it should be sent requests. */
import { type GatewayRequest, headerOf } from "./request.ts";
import { type GatewayResponse, JSON_TYPE } from "./response.ts";

/** Something that must be so before requests are welcome: a store is open, migrations are done. */
export interface ReadinessCheck {
  readonly name: string;
  /** A rejection counts as no. */
  check(): boolean | Promise<boolean>;
}

/** `/healthz`: answers as long as the event loop turns. */
export function liveness(): GatewayResponse {
  return json(200, { status: "alive" });
}

/** `/readyz`: 200 when every check passes and the host is not draining, 503 otherwise. */
export async function readiness(checks: readonly ReadinessCheck[], draining: boolean): Promise<GatewayResponse> {
  const results = await Promise.all(checks.map(passes));
  const ready = !draining && results.every(Boolean);
  return json(ready ? 200 : 503, {
    status: draining ? "draining" : ready ? "ready" : "not ready",
    checks: Object.fromEntries(checks.map(({ name }, index) => [name, results[index] === true ? "ok" : "failing"])),
  });
}

/** `/metrics`, in Prometheus' text format. */
export function metricsResponse(text: string): GatewayResponse {
  return textResponse("text/plain; version=0.0.4; charset=utf-8", text);
}

/** A page or document of the gateway's own. */
export interface OwnDocument {
  readonly type: string;
  readonly text: string;
  readonly etag: string;
  readonly policy?: string;
}

/** Text that changes only with the build: it carries an ETag, so that it is sent once to each reader. */
export function documentResponse(request: GatewayRequest, document: OwnDocument): GatewayResponse {
  const response = textResponse(document.type, document.text);
  response.headers["cache-control"] = "no-cache";
  response.headers["etag"] = document.etag;
  if (document.policy !== undefined) response.headers["content-security-policy"] = document.policy;
  const known = headerOf(request, "if-none-match");
  return known?.replace(/^W\//, "") === document.etag ? { ...response, status: 304, body: undefined } : response;
}

async function passes(check: ReadinessCheck): Promise<boolean> {
  try {
    return await check.check();
  } catch {
    return false;
  }
}

function json(status: number, value: unknown): GatewayResponse {
  return {
    status,
    headers: { "content-type": JSON_TYPE, "cache-control": "no-store" },
    body: JSON.stringify(value),
  };
}

function textResponse(type: string, text: string): GatewayResponse {
  return { status: 200, headers: { "content-type": type, "cache-control": "no-store" }, body: text };
}
