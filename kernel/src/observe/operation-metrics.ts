/** Rate, errors and duration of operations: one histogram tells all three. */
import type { FaultKind } from "../std/mod.ts";
import type { Metrics } from "./metrics.ts";
import type { HistogramSeries } from "./series.ts";

/** How a call ended: well, or with a fault of this kind. */
export type Outcome = "ok" | FaultKind;

/** What one caller's calls to one operation are counted by. Keep it at hand. */
export interface OperationSeries {
  /** Counts a call that took this many seconds. */
  done(outcome: Outcome, seconds: number): void;
}

/** The series of operations by service, operation and caller. */
export interface OperationMetrics {
  /** The series of a caller; `caller` is `""` at the edge. */
  of(service: string, operation: string, caller: string): OperationSeries;
}

/** The name of the histogram, as OpenTelemetry's conventions for RPC (1.44, release candidate) have it. */
export const OPERATION_DURATION = "rpc.server.call.duration";

/**
 * The metrics of operations: `rpc.server.call.duration` in seconds, with the labels `rpc.service`, `rpc.method`,
 * `caller` (the calling service, empty at the edge) and `outcome` (`ok` or the kind of the fault).
 */
export function operationMetrics(metrics: Metrics): OperationMetrics {
  const labels = ["rpc.service", "rpc.method", "caller", "outcome"] as const;
  const durations = metrics.histogram(OPERATION_DURATION, "How long calls took, by how they ended.", labels);
  return {
    of(service, operation, caller) {
      // Most operations only ever end in two or three ways: a series exists from its first observation on.
      const series: Partial<Record<Outcome, HistogramSeries>> = {};
      const bind = (outcome: Outcome): HistogramSeries =>
        (series[outcome] ??= durations.with({
          "rpc.service": service,
          "rpc.method": operation,
          caller,
          outcome,
        }));
      const ok = bind("ok");
      return {
        done(outcome, seconds) {
          (outcome === "ok" ? ok : bind(outcome)).observe(seconds);
        },
      };
    },
  };
}
