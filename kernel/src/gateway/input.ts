/** The input of an operation, gathered from the path, the query, headers and the body. */
import { Invalid } from "../schema/mod.ts";
import { parseObject, readText } from "./body.ts";
import { IdempotencyKeyMalformed, IdempotencyKeyRequired, IfMatchRequired, Malformed } from "./faults.ts";
import { type FieldTexts, decode, pointer, readQuery } from "./fields.ts";
import type { RoutePlan } from "./plan.ts";
import { type GatewayRequest, headerOf } from "./request.ts";

/**
 * Gathers the input. Whether it fits the operation's schema is for the runtime to say.
 * @throws the faults of `faults.ts` and {@link Invalid}, which name what is wrong.
 */
export async function readInput(
  plan: RoutePlan,
  values: readonly string[],
  request: GatewayRequest,
): Promise<Record<string, unknown>> {
  const texts: FieldTexts = {};
  for (let index = 0; index < plan.pathFields.length; index += 1) {
    const name = plan.pathFields[index];
    if (name !== undefined) texts[name] = decode(values[index] ?? "", "path");
  }
  if (request.query !== "") readQuery(request.query, plan.queryFields, texts, `query of ${plan.name}`);
  for (const { name, header } of plan.headerFields) {
    const value = headerOf(request, header);
    if (value !== undefined) texts[name] = value;
  }
  const fields = plan.coerce(texts);
  const input = plan.bodyMode === "json" ? Object.assign(await bodyOf(plan, request), fields) : fields;
  const { ifMatch, rawBody, clientAddress } = plan.binding;
  if (clientAddress !== undefined) input[clientAddress] = request.remoteAddress;
  if (ifMatch !== undefined) input[ifMatch] = versionOf(plan, headerOf(request, "if-match"));
  if (rawBody !== undefined) input[rawBody] = await readText(request, plan.bodyBytesMax);
  else if (plan.bodyMode === "none") refuseBody(plan, request);
  return input;
}

async function bodyOf(plan: RoutePlan, request: GatewayRequest): Promise<Record<string, unknown>> {
  if (request.body === undefined) return {};
  const text = await readText(request, plan.bodyBytesMax);
  const body = parseObject(text, headerOf(request, "content-type"), plan.what);
  for (const name of plan.notInBody) {
    if (Object.hasOwn(body, name)) {
      const issue = {
        path: pointer(name),
        keyword: "not",
        message: "must not be in the body: it comes from elsewhere",
      };
      throw Invalid.with({ what: plan.what, issues: [issue] });
    }
  }
  return body;
}

function refuseBody(plan: RoutePlan, request: GatewayRequest): void {
  const { headers } = request;
  const length = headers["content-length"];
  const sent = (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
  if (sent || (request.body !== undefined && request.body.length !== 0 && typeof request.body !== "function")) {
    throw Malformed.with({ what: "request", problem: `has a body, but ${plan.label} takes none` });
  }
}

/**
 * The version in an `If-Match`. A weak tag is taken too: proxies that compress answers weaken our tags on the way,
 * and a version number is as exact as ever.
 */
function versionOf(plan: RoutePlan, ifMatch: string | undefined): number {
  if (ifMatch === undefined) throw IfMatchRequired.with({ operation: plan.name });
  const match = /^(?:W\/)?"(\d{1,15})"$/.exec(ifMatch);
  if (match === null) {
    throw Malformed.with({ what: "header If-Match", problem: 'must be one ETag of this resource, like "3"' });
  }
  return Number(match[1]);
}

/**
 * The client's idempotency key, if it sent one.
 * @throws {IdempotencyKeyRequired} where the binding asks for one; {@link IdempotencyKeyMalformed}.
 */
export function clientKeyOf(plan: RoutePlan, request: GatewayRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) {
    if (plan.binding.idempotencyKey === "required") throw IdempotencyKeyRequired.with({ operation: plan.name });
    return undefined;
  }
  if (typeof key !== "string" || !/^[\u0021-\u007e]{1,255}$/.test(key)) throw IdempotencyKeyMalformed.with(undefined);
  return key;
}
