/**
 * OTLP's JSON form of spans, metrics and logs. Ids are hex, 64-bit numbers are texts, enums are numbers.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { AnyMetric, AttributeValue, FinishedSpan, SpanKind } from "../observe/mod.ts";
import type { LogLevel } from "../std/mod.ts";
import type { Plain } from "./log-values.ts";

/** What all telemetry of a process is said to come from: `service.name` and the like. */
export type Resource = Readonly<Record<string, string>>;

/** A log record on its way. */
export interface LogRecord {
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, Plain>>;
}

const SCOPE = { name: "isomer" };
const KINDS: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};
const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 5, info: 9, warn: 13, error: 17 };
const STATUS_ERROR = 2;
const CUMULATIVE = 2;

/** The body of a request to `/v1/traces`. */
export function tracesBody(resource: Resource, spans: readonly FinishedSpan[]): string {
  return JSON.stringify({
    resourceSpans: [{ resource: resourceOf(resource), scopeSpans: [{ scope: SCOPE, spans: spans.map(spanOf) }] }],
  });
}

/** The body of a request to `/v1/metrics`; `sinceMs` is when counting began. */
export function metricsBody(resource: Resource, metrics: readonly AnyMetric[], sinceMs: number, nowMs: number): string {
  const times = { startTimeUnixNano: nanos(sinceMs), timeUnixNano: nanos(nowMs) };
  const all = metrics.map((metric) => metricOf(metric, times));
  return JSON.stringify({
    resourceMetrics: [{ resource: resourceOf(resource), scopeMetrics: [{ scope: SCOPE, metrics: all }] }],
  });
}

/** The body of a request to `/v1/logs`. */
export function logsBody(resource: Resource, records: readonly LogRecord[]): string {
  return JSON.stringify({
    resourceLogs: [
      {
        resource: resourceOf(resource),
        scopeLogs: [{ scope: SCOPE, logRecords: records.map(logOf) }],
      },
    ],
  });
}

function spanOf(span: FinishedSpan): object {
  const attributes = pairsOf(span.attributes);
  if (span.error !== undefined) attributes.push(attribute("error.type", span.error));
  return {
    traceId: span.context.traceId,
    spanId: span.context.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanos(span.startMs),
    endTimeUnixNano: nanos(span.startMs + span.durationMs),
    attributes,
    status: span.error === undefined ? {} : { code: STATUS_ERROR, message: span.error },
  };
}

function metricOf(metric: AnyMetric, times: object): object {
  const head = { name: metric.name, description: metric.help, unit: metric.unit };
  if (metric.type === "histogram") {
    const dataPoints = [...metric.series()].map(([values, series]) => ({
      ...times,
      attributes: labelsOf(metric.labelNames, values),
      count: String(series.count),
      sum: series.sum,
      bucketCounts: Array.from(series.counts, String),
      explicitBounds: series.boundaries,
    }));
    return { ...head, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } };
  }
  const present = [...metric.series()].filter(([, { value }]) => !Number.isNaN(value));
  const dataPoints = present.map(([values, { value }]) => ({
    ...times,
    attributes: labelsOf(metric.labelNames, values),
    asDouble: value,
  }));
  if (metric.type === "gauge") return { ...head, gauge: { dataPoints } };
  return { ...head, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } };
}

function logOf({ timeMs, level, message, fields }: LogRecord): object {
  const { traceId, spanId, ...others } = fields;
  return {
    timeUnixNano: nanos(timeMs),
    severityNumber: SEVERITIES[level],
    severityText: level.toUpperCase(),
    body: { stringValue: message },
    attributes: Object.entries(others).map(([key, value]) => ({ key, value: anyValue(value) })),
    ...(typeof traceId === "string" ? { traceId } : {}),
    ...(typeof spanId === "string" ? { spanId } : {}),
  };
}

function resourceOf(resource: Resource): object {
  return { attributes: Object.entries(resource).map(([key, value]) => attribute(key, value)) };
}

function labelsOf(names: readonly string[], values: readonly string[]): object[] {
  return names.map((name, index) => attribute(name, values[index] ?? ""));
}

function pairsOf(attributes: readonly AttributeValue[]): object[] {
  const pairs: object[] = [];
  for (let index = 0; index + 1 < attributes.length; index += 2) {
    pairs.push(attribute(String(attributes[index]), attributes[index + 1] ?? ""));
  }
  return pairs;
}

function attribute(key: string, value: AttributeValue): object {
  return { key, value: anyValue(value) };
}

function anyValue(value: Plain): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return {
    kvlistValue: {
      values: Object.entries(value).map(([key, member]) => ({ key, value: anyValue(member) })),
    },
  };
}

/** Nanoseconds since 1970 as text: too large for a number, so microseconds are rounded and three zeros put behind. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}
