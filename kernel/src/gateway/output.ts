/** The answer to a call that succeeded: status, ETag, caching, content. */
import type { Reply } from "../transport/mod.ts";
import type { RoutePlan } from "./plan.ts";
import { type GatewayRequest, headerOf } from "./request.ts";
import { type GatewayResponse, JSON_TYPE } from "./response.ts";

/** Pages of services may have their own style and forms; scripts and everything from elsewhere stay out. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Makes the answer. `anonymous` says that no identity shaped it, so that it may be the same for everyone. */
export function outputResponse(
  plan: RoutePlan,
  request: GatewayRequest,
  { output, replayed }: Reply,
  anonymous: boolean,
): GatewayResponse {
  const { binding } = plan;
  const headers: Record<string, string> = { "cache-control": "no-store" };
  if (replayed) headers["idempotent-replayed"] = "true";
  if (binding.etag !== undefined) headers["etag"] = `"${String(fieldOf(output, binding.etag))}"`;
  if (binding.method === "GET") {
    headers["cache-control"] = cacheControlOf(plan, anonymous);
    if (binding.publicMaxAgeSeconds !== undefined) headers["vary"] = "authorization, x-api-key";
    if (binding.etag !== undefined && isFresh(request, headers["etag"])) {
      return { status: 304, headers, body: undefined };
    }
  }
  if (plan.status === 204 || output === undefined) {
    return { status: output === undefined && plan.status === 200 ? 204 : plan.status, headers, body: undefined };
  }
  if (binding.contentType !== undefined) {
    headers["content-type"] = binding.contentType;
    if (binding.contentType.startsWith("text/html")) headers["content-security-policy"] = PAGE_POLICY;
    return { status: plan.status, headers, body: String(fieldOf(output, "content")) };
  }
  headers["content-type"] = JSON_TYPE;
  return { status: plan.status, headers, body: JSON.stringify(output) };
}

function fieldOf(output: unknown, field: string): unknown {
  return typeof output === "object" && output !== null ? (output as Record<string, unknown>)[field] : undefined;
}

function cacheControlOf(plan: RoutePlan, anonymous: boolean): string {
  const { publicMaxAgeSeconds, etag } = plan.binding;
  if (anonymous && publicMaxAgeSeconds !== undefined) return `public, max-age=${publicMaxAgeSeconds}`;
  // Kept by the client alone, and asked for again each time: then the ETag saves the body.
  return etag === undefined ? "no-store" : "private, no-cache";
}

/** Whether the client has this version already (RFC 9110 §13.1.2: weak comparison). */
function isFresh(request: GatewayRequest, etag: string | undefined): boolean {
  const known = headerOf(request, "if-none-match");
  if (known === undefined || etag === undefined) return false;
  if (known === etag || known === "*") return true;
  return known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
