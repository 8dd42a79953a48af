/** guard: what keeps one failure from becoming many. */
export { AdaptiveLimit, type AdaptiveLimitOptions } from "./adaptive-limit.ts";
export { Admission, type AdmissionOptions } from "./admission.ts";
export { type BackoffOptions, backoffMs } from "./backoff.ts";
export { Balancer, type BalancerEvents, type BalancerOptions, type PickRequest } from "./balance/balancer.ts";
export { Endpoint, type EndpointOptions, type Member, PENALTY_MS, type Reach } from "./balance/endpoint.ts";
export { ANSWERED, type CallOutcome, UNREACHED, outcomeOf } from "./balance/outcome.ts";
export { Outlier, type OutlierOptions, type OutlierState } from "./balance/outlier.ts";
export { PeakEwma } from "./balance/peak-ewma.ts";
export { hash32, rank } from "./balance/rendezvous.ts";
export { ejectedMaxOf } from "./balance/roster.ts";
export { Breaker, type BreakerOptions, type BreakerState } from "./breaker.ts";
export { Bulkhead, type BulkheadOptions } from "./bulkhead.ts";
export { type KeepFor, TtlCache, type TtlCacheOptions } from "./cache.ts";
export { BreakerOpen, DeadlineExceeded, Overloaded, assertInTime } from "./deadline.ts";
export { type EventLoopDelay, promptEventLoop } from "./event-loop-delay.ts";
export { LateLoop, overloaded } from "./late-loop.ts";
export {
  ATTEMPTS_MAX,
  type Attempt,
  Outbound,
  type OutboundOptions,
  type OutboundTarget,
  type Target,
} from "./outbound.ts";
export {
  type RateDecision,
  type RateLimitOptions,
  RateLimiter,
  type RateSpan,
  decideRate,
  rateSpan,
} from "./rate-limit.ts";
export { RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";
export { MemoryRevocations, REVOCATIONS_MAX, type Revocation, type Revocations } from "./revocations.ts";
export {
  ANSWER_LENGTH_MAX,
  type AnswersOf,
  MemoryAnswers,
  type SharedAnswer,
  type SharedAnswers,
} from "./shared-answers.ts";
export { MemoryRates, type RateTaker, SharedRateLimiter, type SharedRates } from "./shared-rate.ts";
export { markCounted, markRetried, retryAfterMs, wasCounted, wasRetried } from "./retryable.ts";
export { Throttle, type ThrottleOptions } from "./throttle.ts";
