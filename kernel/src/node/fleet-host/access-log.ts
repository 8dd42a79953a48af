/**
 * The access log: a line for each call that was let in or refused, with who called, who that is by certificate, by which rule
 * it was decided, and how it ended; and a line for each request at a gateway. Written for the traces that are kept, so that
 * the lines of one request are there together, in all processes. What services are refused is logged besides, whatever is kept.
 */
import type { AttributeValue, FinishedSpan, SpanExporter } from "../../observe/mod.ts";
import type { Logger } from "../../std/mod.ts";

/** Writes the lines, and hands spans on. */
export function accessLog(log: Logger, next: SpanExporter | undefined): SpanExporter {
  return {
    export(spans) {
      for (const span of spans) if (span.kind === "server") write(log, span);
      next?.export(spans);
    },
  };
}

function write(log: Logger, span: FinishedSpan): void {
  const { name, attributes, error: outcome = "ok", context, durationMs } = span;
  const found = valuesOf(attributes);
  const ms = Math.round(durationMs * 10) / 10;
  const { traceId } = context;
  const { "isomer.caller": caller, "isomer.peer": peer, "isomer.access": access } = found;
  const status = found["http.response.status_code"];
  if (status !== undefined) log.info("request", { route: name, status, outcome, ms, traceId });
  // A call without a caller is a client's; a gateway carries it in.
  else if (caller !== undefined)
    log.info("call", { operation: name, caller: caller === "" ? "edge" : caller, peer, access, outcome, ms, traceId });
}

function valuesOf(attributes: readonly AttributeValue[]): Readonly<Record<string, AttributeValue>> {
  const values: Record<string, AttributeValue> = {};
  for (let index = 0; index + 1 < attributes.length; index += 2)
    values[String(attributes[index])] = attributes[index + 1] as AttributeValue;
  return values;
}
