/** A gateway over the sample contracts, the calls that it made, and how to look at its problems. */
import assert from "node:assert/strict";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { seededRandom } from "../../std/testing/seeded-random.ts";
import type { GatewayOptions } from "../gateway.ts";
import type { GatewayCall } from "../ports.ts";
import type { GatewayRequest } from "../request.ts";
import type { GatewayResponse } from "../response.ts";
import { aProduct, fakeInvoke, sampleGateway } from "./sample.ts";

/** The product that the tests ask for. */
export const ID = aProduct.id;
/** Somebody who is signed in. */
export const TOKEN = { authorization: "Bearer user:ada:admin" };
/** What a JSON body is sent with. */
export const JSON_BODY = { "content-type": "application/json" };
/** The body of an order. */
export const ORDER = JSON.stringify({ lines: [{ sku: "desk-1", quantity: 2 }] });

/** What {@link edge} gives. */
export interface Edge {
  readonly calls: GatewayCall[];
  readonly send: (request: GatewayRequest) => Promise<GatewayResponse>;
}

/** A gateway whose calls answer with `output`. */
export function edge(options: Partial<GatewayOptions> = {}, output: unknown = aProduct): Edge {
  const calls: GatewayCall[] = [];
  const invoke = fakeInvoke((call) => {
    calls.push(call);
    return { output, replayed: false };
  });
  const gateway = sampleGateway({ clock: new ManualClock(), random: seededRandom(1) }, { invoke, ...options });
  return { calls, send: (request) => gateway.handle(request) };
}

/** The JSON that an answer holds. */
export function json(response: GatewayResponse): Record<string, unknown> {
  return JSON.parse(String(response.body)) as Record<string, unknown>;
}

/** Checks all that problems have in common, and gives the problem. */
export function assertProblem(response: GatewayResponse, status: number, code: string): Record<string, unknown> {
  const problem = json(response);
  assert.equal(response.status, status, String(response.body));
  assert.match(response.headers["content-type"] ?? "", /^application\/problem\+json/);
  assert.equal(problem["code"], code);
  assert.equal(problem["status"], status);
  assert.equal(problem["traceId"], response.headers["trace-id"]);
  assert.equal(response.headers["cache-control"], "no-store");
  return problem;
}
