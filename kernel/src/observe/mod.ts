/** observe: what happened, told as spans and metrics. Logs are a port of std. */
export {
  type AnyMetric,
  DURATION_BOUNDARIES,
  type Labels,
  type Metric,
  type MetricType,
  type MetricUnit,
  Metrics,
  OVERFLOW,
  SERIES_MAX,
} from "./metrics.ts";
export {
  OPERATION_DURATION,
  type OperationMetrics,
  type OperationSeries,
  type Outcome,
  operationMetrics,
} from "./operation-metrics.ts";
export { prometheusName } from "./prometheus.ts";
export { CounterSeries, GaugeSeries, HistogramSeries } from "./series.ts";
export { type TraceContext, formatTraceparent, parseTraceparent } from "./trace-context.ts";
export {
  ATTRIBUTES_MAX,
  type AttributeValue,
  type FinishedSpan,
  type Span,
  type SpanExporter,
  type SpanKind,
  Tracer,
  type TracerOptions,
} from "./trace.ts";
export { type Traffic, TrafficMeter, type TrafficSource, quantileOf } from "./traffic.ts";
