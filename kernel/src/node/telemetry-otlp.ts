/**
 * Sends spans, metrics and logs to an OpenTelemetry collector: OTLP over HTTP as JSON. Off unless configured.
 * Telemetry never holds work up: queues are bounded, and what does not fit, or cannot be sent, is dropped and counted.
 *
 * Nothing here survives a crash: what waits to be sent is lost with the process.
 */
import { backoffMs } from "../guard/mod.ts";
import type { FinishedSpan, Metrics, SpanExporter } from "../observe/mod.ts";
import { type Clock, type LogFields, type LogLevel, type Logger, type Random, type Timer, sleep } from "../std/mod.ts";
import { type Plain, plainFields } from "./log-values.ts";
import { type LogRecord, type Resource, logsBody, metricsBody, tracesBody } from "./telemetry-otlp-format.ts";

/** Where telemetry goes. */
export interface OtlpSettings {
  /** The collector's address, without `/v1/traces`. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Resource;
  /** The longest that one request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How often metrics are sent, in milliseconds. */
  readonly metricsIntervalMs: number;
}

/** What an exporter needs. */
export interface OtlpOptions {
  readonly settings: OtlpSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when sending fails and when it works again. Not the logger that {@link OtlpExporter.logger} made. */
  readonly log: Logger;
  readonly metrics?: Metrics;
}

/** How many batches wait; the oldest is dropped for a new one. */
const QUEUE_MAX = 100;
const LOG_BATCH_MAX = 500;
const LOG_DELAY_MS = 1_000;
const TRIES_MAX = 5;
const CLOSE_TIMEOUT_MS = 5_000;
const BACKOFF = { baseMs: 1_000, capMs: 30_000 };

/** The settings that the environment gives by OpenTelemetry's names, or `undefined`: then nothing is sent. */
export function otlpSettings(
  environment: Readonly<Record<string, string | undefined>>,
  serviceName: string,
): OtlpSettings | undefined {
  const endpoint = environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "" || environment["OTEL_SDK_DISABLED"] === "true") return undefined;
  return {
    endpoint: endpoint.replace(/\/+$/, ""),
    headers: keyValues(environment["OTEL_EXPORTER_OTLP_HEADERS"]),
    resource: {
      "service.name": environment["OTEL_SERVICE_NAME"] ?? serviceName,
      ...keyValues(environment["OTEL_RESOURCE_ATTRIBUTES"]),
    },
    timeoutMs: positive(environment["OTEL_EXPORTER_OTLP_TIMEOUT"], 10_000),
    metricsIntervalMs: positive(environment["OTEL_METRIC_EXPORT_INTERVAL"], 60_000),
  };
}

interface Batch {
  readonly path: "/v1/traces" | "/v1/metrics" | "/v1/logs";
  /** Made when it is sent: what is dropped costs nothing. */
  readonly body: () => string;
}

/** Sends telemetry until it is closed. */
export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpOptions;
  readonly #startedAt: number;
  readonly #queue: Batch[] = [];
  readonly #closing = new AbortController();
  #logs: LogRecord[] = [];
  #logTimer: Timer | undefined;
  #metricsTimer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #failing = false;
  #dropped = 0;

  constructor(options: OtlpOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    if (options.metrics !== undefined) this.#armMetrics();
  }

  /** How many batches were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  export(spans: readonly FinishedSpan[]): void {
    this.#enqueue({
      path: "/v1/traces",
      body: () => tracesBody(this.#options.settings.resource, spans),
    });
  }

  /** A logger that writes to `base` and sends the same records. Fields `traceId` and `spanId` tie them to spans. */
  logger(base: Logger, bound: Readonly<Record<string, Plain>> = {}): Logger {
    const both = (level: LogLevel) => (message: string, fields?: LogFields) => {
      base[level](message, fields);
      const all = fields === undefined ? bound : { ...bound, ...plainFields(fields) };
      this.#log({ timeMs: this.#options.clock.now(), level, message, fields: all });
    };
    return {
      // Debug records stay where they are: they are many, and meant for whoever sits in front of them.
      debug: (message, fields) => base.debug(message, fields),
      info: both("info"),
      warn: both("warn"),
      error: both("error"),
      with: (fields) => this.logger(base.with(fields), { ...bound, ...plainFields(fields) }),
    };
  }

  /** Sends what waits, metrics last, for a few seconds at most. Flush the tracer before. */
  async close(): Promise<void> {
    this.#metricsTimer?.cancel();
    this.#flushLogs();
    if (this.#options.metrics !== undefined) this.#enqueueMetrics(this.#options.metrics);
    const { clock } = this.#options;
    const enough = clock.after(CLOSE_TIMEOUT_MS, () => this.#closing.abort());
    await this.#sending;
    enough.cancel();
    this.#closing.abort();
  }

  #log(record: LogRecord): void {
    this.#logs.push(record);
    if (this.#logs.length >= LOG_BATCH_MAX) this.#flushLogs();
    else this.#logTimer ??= this.#options.clock.after(LOG_DELAY_MS, () => this.#flushLogs());
  }

  #flushLogs(): void {
    this.#logTimer?.cancel();
    this.#logTimer = undefined;
    if (this.#logs.length === 0) return;
    const records = this.#logs;
    this.#logs = [];
    this.#enqueue({
      path: "/v1/logs",
      body: () => logsBody(this.#options.settings.resource, records),
    });
  }

  #armMetrics(): void {
    const { clock, metrics, settings } = this.#options;
    this.#metricsTimer = clock.after(settings.metricsIntervalMs, () => {
      if (metrics !== undefined) this.#enqueueMetrics(metrics);
      this.#armMetrics();
    });
  }

  #enqueueMetrics(metrics: Metrics): void {
    const { clock, settings } = this.#options;
    this.#enqueue({
      path: "/v1/metrics",
      body: () => metricsBody(settings.resource, metrics.all(), this.#startedAt, clock.now()),
    });
  }

  #enqueue(batch: Batch): void {
    if (this.#closing.signal.aborted) {
      this.#dropped += 1;
      return;
    }
    if (this.#queue.length >= QUEUE_MAX) {
      this.#queue.shift();
      this.#dropped += 1;
    }
    this.#queue.push(batch);
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    // Not in the turn in which the batch was made: that one belongs to somebody's request.
    await new Promise<void>((resolve) => {
      this.#options.clock.soon(resolve);
    });
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      if (this.#closing.signal.aborted || !(await this.#deliver(batch))) this.#dropped += 1;
    }
    this.#sending = undefined;
  }

  /** Tries a batch some times. What the collector refuses for good is not repeated. */
  async #deliver(batch: Batch): Promise<boolean> {
    const { clock, random } = this.#options;
    const body = batch.body();
    for (let n = 1; ; n += 1) {
      const result = await this.#post(batch.path, body);
      this.#report(result);
      if (result.state !== "retry" || n === TRIES_MAX) return result.state === "sent";
      const waitMs = Math.max(result.afterMs, backoffMs(n, random, BACKOFF));
      await sleep(clock, waitMs, this.#closing.signal);
      if (this.#closing.signal.aborted) return false;
    }
  }

  async #post(path: string, body: string): Promise<PostResult> {
    const { endpoint, headers, timeoutMs } = this.#options.settings;
    try {
      const response = await fetch(`${endpoint}${path}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]),
      });
      await response.body?.cancel();
      if (response.ok) return { state: "sent" };
      const afterMs = Number(response.headers.get("retry-after") ?? 0) * 1_000;
      const state = RETRYABLE.has(response.status) ? "retry" : "refused";
      return {
        state,
        afterMs: Number.isFinite(afterMs) ? Math.min(afterMs, 60_000) : 0,
        why: response.status,
      };
    } catch (error) {
      return { state: "retry", afterMs: 0, why: error };
    }
  }

  /** Says once that sending fails, and once that it works again. */
  #report(result: PostResult): void {
    const failing = result.state !== "sent";
    if (failing === this.#failing) return;
    this.#failing = failing;
    const { log, settings } = this.#options;
    if (result.state === "sent") log.info("telemetry is being sent again", { endpoint: settings.endpoint });
    else log.warn("telemetry cannot be sent", { endpoint: settings.endpoint, why: result.why });
  }
}

type PostResult =
  | { readonly state: "sent" }
  | { readonly state: "retry" | "refused"; readonly afterMs: number; readonly why: unknown };

/** The statuses that OTLP/HTTP says to retry. */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** Reads `key=value,key=value`, values percent-encoded, as OpenTelemetry's variables have them. */
function keyValues(text: string | undefined): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of (text ?? "").split(",")) {
    const at = part.indexOf("=");
    if (at > 0) pairs[part.slice(0, at).trim()] = decoded(part.slice(at + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function positive(text: string | undefined, otherwise: number): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : otherwise;
}
