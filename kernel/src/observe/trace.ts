/**
 * Spans: what happened, when, and within what. A small recorder of our own: the OpenTelemetry SDK costs 19 to 57 µs a
 * request, this one about 1. Finished spans are kept in a ring and handed to an exporter in batches.
 *
 * Nothing here survives a crash: up to a batch of spans is lost with the process.
 */
import type { Clock, Random, Timer } from "../std/mod.ts";
import type { TraceContext } from "./trace-context.ts";
import { TraceIds } from "./trace-ids.ts";

export { type TraceContext, formatTraceparent, parseTraceparent } from "./trace-context.ts";

/** On which side of what a span stands, as OpenTelemetry names it. */
export type SpanKind = "server" | "client" | "consumer" | "producer" | "internal";

/** What a span's attributes may hold. */
export type AttributeValue = string | number | boolean;

/** Work under way. Ending it twice does nothing. */
export interface Span {
  /** What logs name, and what calls made within carry along. */
  readonly context: TraceContext;
  /** Sets an attribute; the last of equal keys counts. Never give it a value that a schema marks secret. */
  set(key: string, value: AttributeValue): void;
  /** Marks the span as failed with the fault's code (`error.type`). */
  fail(fault: { readonly code: string; readonly kind: string }): void;
  end(): void;
}

/** A span that has ended, as the ring and exporters see it. */
export interface FinishedSpan {
  readonly context: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Keys and values in turn. */
  readonly attributes: readonly AttributeValue[];
  /** The fault's code, when it failed. */
  readonly error: string | undefined;
}

/** Takes finished spans away. Must not throw and must not wait: it queues, or drops and counts. */
export interface SpanExporter {
  export(spans: readonly FinishedSpan[]): void;
}

/** What a tracer needs. */
export interface TracerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly exporter?: SpanExporter;
  /** The share of traces begun here that are kept, 0 to 1; 1 unless said. A trace from elsewhere keeps its decision. */
  readonly sampleRate?: number;
  /** How many finished spans are kept for the console; 2,000 unless said. */
  readonly ringMax?: number;
  /** How many spans make a batch; 512 unless said. */
  readonly batchMax?: number;
  /** The longest that a finished span waits for its batch, in milliseconds; 1,000 unless said. */
  readonly batchDelayMs?: number;
}

/** How many attributes a span keeps; later ones are dropped. */
export const ATTRIBUTES_MAX = 32;
/** The clocks are compared anew after this many spans, so that steps of the wall clock are followed. */
const RESYNC_SPANS = 1_024;

/** Starts spans, and keeps and exports the finished ones. */
export class Tracer {
  readonly #clock: Clock;
  readonly #ids: TraceIds;
  readonly #exporter: SpanExporter | undefined;
  readonly #sampleRate: number;
  readonly #ring: FinishedSpan[] = [];
  readonly #ringMax: number;
  readonly #random: Random;
  readonly #batchMax: number;
  readonly #batchDelayMs: number;
  #next = 0;
  #batch: FinishedSpan[] = [];
  #timer: Timer | undefined;
  /** What to add to monotonic time to get the time of day. */
  #offsetMs: number;
  #untilResync = RESYNC_SPANS;

  constructor(options: TracerOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#ids = new TraceIds(options.random);
    this.#exporter = options.exporter;
    this.#sampleRate = options.sampleRate ?? 1;
    this.#ringMax = options.ringMax ?? 2_000;
    this.#batchMax = options.batchMax ?? 512;
    this.#batchDelayMs = options.batchDelayMs ?? 1_000;
    this.#offsetMs = options.clock.now() - options.clock.monotonicMs();
  }

  /** Starts a span within `parent`, or a new trace. */
  start(name: string, kind: SpanKind, parent: TraceContext | undefined): Span {
    const sampled = parent === undefined ? this.#keep() : parent.sampled;
    const context: TraceContext = {
      traceId: parent === undefined ? this.#ids.traceId() : parent.traceId,
      spanId: this.#ids.spanId(),
      sampled,
    };
    if (!sampled) return new UnkeptSpan(context);
    return new KeptSpan(this.#finish, this.#clock, name, kind, context, parent?.spanId, this.#offsetMs);
  }

  /** The spans that ended last, oldest first. */
  recent(): readonly FinishedSpan[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }

  /** Hands what waits to the exporter: call it before the process ends. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#exporter?.export(batch);
  }

  #keep(): boolean {
    return this.#sampleRate >= 1 || (this.#sampleRate > 0 && this.#random.next() < this.#sampleRate);
  }

  readonly #finish = (span: FinishedSpan): void => {
    if (this.#ring.length < this.#ringMax) this.#ring.push(span);
    else if (this.#ringMax > 0) {
      this.#ring[this.#next] = span;
      this.#next = (this.#next + 1) % this.#ringMax;
    }
    this.#untilResync -= 1;
    if (this.#untilResync === 0) {
      this.#untilResync = RESYNC_SPANS;
      this.#offsetMs = this.#clock.now() - this.#clock.monotonicMs();
    }
    if (this.#exporter !== undefined) this.#enqueue(span);
  };

  #enqueue(span: FinishedSpan): void {
    this.#batch.push(span);
    if (this.#batch.length >= this.#batchMax) this.flush();
    else this.#timer ??= this.#clock.after(this.#batchDelayMs, () => this.flush());
  }
}

/** A span of a trace that is not kept: it has ids, for logs and for the calls within, and nothing else. */
class UnkeptSpan implements Span {
  readonly context: TraceContext;
  constructor(context: TraceContext) {
    this.context = context;
  }
  set(): void {}
  fail(): void {}
  end(): void {}
}

class KeptSpan implements Span, FinishedSpan {
  readonly context: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly attributes: AttributeValue[] = [];
  durationMs = 0;
  error: string | undefined = undefined;
  #finish: ((span: FinishedSpan) => void) | undefined;
  readonly #clock: Clock;
  readonly #startedAt: number;

  // oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
  constructor(
    finish: (span: FinishedSpan) => void,
    clock: Clock,
    name: string,
    kind: SpanKind,
    context: TraceContext,
    parentSpanId: string | undefined,
    offsetMs: number,
  ) {
    this.context = context;
    this.parentSpanId = parentSpanId;
    this.name = name;
    this.kind = kind;
    this.#finish = finish;
    this.#clock = clock;
    this.#startedAt = clock.monotonicMs();
    this.startMs = offsetMs + this.#startedAt;
  }

  set(key: string, value: AttributeValue): void {
    const { attributes } = this;
    for (let index = 0; index < attributes.length; index += 2) {
      if (attributes[index] === key) {
        attributes[index + 1] = value;
        return;
      }
    }
    if (attributes.length < ATTRIBUTES_MAX * 2) attributes.push(key, value);
  }

  fail(fault: { readonly code: string; readonly kind: string }): void {
    this.error = fault.code;
    this.set("isomer.fault.kind", fault.kind);
  }

  end(): void {
    const finish = this.#finish;
    if (finish === undefined) return;
    this.#finish = undefined;
    this.durationMs = this.#clock.monotonicMs() - this.#startedAt;
    finish(this);
  }
}
