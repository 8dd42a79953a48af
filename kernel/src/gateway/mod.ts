/** gateway: the edge. A policy chain from request to response, with routes and documents from the contracts. */
export { type ReadinessCheck } from "./health.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export {
  BodyTooLarge,
  CredentialInvalid,
  IdempotencyKeyMalformed,
  IdempotencyKeyRequired,
  IfMatchRequired,
  Malformed,
  MethodNotAllowed,
  NoRoute,
  QuotaExceeded,
  UnsupportedMediaType,
} from "./faults.ts";
export { type ApiInfo, openApi } from "./openapi.ts";
export { type RoutePlan, routePlans } from "./plan.ts";
export type { Authenticate, GatewayCall, Invoke, RatePolicy } from "./ports.ts";
export { type Problem, problemOf, problemResponse, statusOf } from "./problem.ts";
export { type BodySource, type GatewayRequest, headerOf } from "./request.ts";
export { type GatewayResponse, JSON_TYPE, PROBLEM_TYPE } from "./response.ts";
export { type RouteMatch, type RouteResult, Router } from "./router.ts";
