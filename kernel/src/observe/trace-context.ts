/** W3C Trace Context: how a trace crosses a boundary. https://www.w3.org/TR/trace-context/ */

/** Which trace and span something belongs to. Lower-case hex, never all zeros. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Whether the trace is kept. Decided once, where it begins. */
  readonly sampled: boolean;
}

const LENGTH = 55;
const DASH = 45;

/**
 * Reads a `traceparent`. Anything that the specification refuses gives `undefined`, and the receiver begins a trace of
 * its own: upper case, all-zero ids, version `ff`, a version 00 of another length. Later versions are read as far as
 * version 00 goes, as the specification asks.
 */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length < LENGTH) return undefined;
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH) return undefined;
  if (!versionFits(text) || hexBits(text, 53, 55) < 0) return undefined;
  if (hexBits(text, 3, 35) <= 0 || hexBits(text, 36, 52) <= 0) return undefined;
  return {
    traceId: text.slice(3, 35),
    spanId: text.slice(36, 52),
    sampled: (hexValue(text.charCodeAt(54)) & 1) === 1,
  };
}

/** Writes a `traceparent` of version 00. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}

function versionFits(text: string): boolean {
  if (hexBits(text, 0, 2) < 0 || text.startsWith("ff")) return false;
  if (text.length === LENGTH) return true;
  return !text.startsWith("00") && text.charCodeAt(LENGTH) === DASH;
}

/** The digits of a part or-ed together: 0 when all are zero, -1 when one is not a lower-case hex digit. */
function hexBits(text: string, from: number, to: number): number {
  let bits = 0;
  for (let index = from; index < to; index += 1) {
    const value = hexValue(text.charCodeAt(index));
    if (value < 0) return -1;
    bits |= value;
  }
  return bits;
}

function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}
