/** What outbound calls tell: how near each guard is to its bound, and what it did. */
import type { CounterSeries, Metrics } from "../observe/mod.ts";
import type { Breaker } from "./breaker.ts";
import type { Bulkhead } from "./bulkhead.ts";

/** The counters of one operation. */
export interface OutboundCounts {
  readonly retries: CounterSeries;
  readonly budgetSpent: CounterSeries;
  readonly refused: CounterSeries;
}

/** The metrics of outbound calls. */
export interface OutboundMetrics {
  counts(service: string, operation: string, breaker: Breaker): OutboundCounts;
  watchBulkhead(service: string, bulkhead: Bulkhead): void;
}

const STATES = { closed: 0, "half-open": 1, open: 2 } as const;

/** Defines the metrics `isomer.outbound.*`. */
export function outboundMetrics(metrics: Metrics): OutboundMetrics {
  const labels = ["rpc.service", "rpc.method"] as const;
  const retries = metrics.counter("isomer.outbound.retries", "Attempts after the first one.", labels);
  const spent = metrics.counter("isomer.outbound.retry_budget_spent", "Retries left out for want of budget.", labels);
  const refused = metrics.counter("isomer.outbound.breaker_refused", "Calls that an open breaker refused.", labels);
  const states = metrics.gauge("isomer.outbound.breaker_state", "0 closed, 1 half open, 2 open.", labels);
  const running = metrics.gauge("isomer.outbound.running", "Calls under way to a service.", ["rpc.service"]);
  const waiting = metrics.gauge("isomer.outbound.waiting", "Calls that wait for a service's bulkhead.", [
    "rpc.service",
  ]);
  return {
    counts(service, operation, breaker) {
      const of = { "rpc.service": service, "rpc.method": operation };
      states.with(of).from(() => STATES[breaker.state.name]);
      return { retries: retries.with(of), budgetSpent: spent.with(of), refused: refused.with(of) };
    },
    watchBulkhead(service, bulkhead) {
      running.with({ "rpc.service": service }).from(() => bulkhead.running);
      waiting.with({ "rpc.service": service }).from(() => bulkhead.waiting);
    },
  };
}
