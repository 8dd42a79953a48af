/** A collector of spans and logs for a test: OTLP over HTTP as JSON, kept in memory. */
import { once } from "node:events";
import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as OTLP has it, and the process that it came from. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly instance: string;
}

/** A collector that listens. */
export interface Collector {
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Each record of a log as the text that it came as. */
  readonly logs: readonly string[];
  close(): Promise<void>;
}

interface Sent {
  readonly resourceLogs?: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly object[] }[] }[];
  readonly resourceSpans?: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<CollectedSpan, "instance">[] }[];
  }[];
}

/** Opens a collector on a free port. */
export async function collector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const logs: string[] = [];
  const server = createServer((incoming, answer) => {
    void textOf(incoming).then((text) => {
      const { resourceSpans = [], resourceLogs = [] } = JSON.parse(text) as Sent;
      for (const { logRecords } of resourceLogs.flatMap(({ scopeLogs }) => scopeLogs))
        logs.push(...logRecords.map((record) => JSON.stringify(record)));
      for (const { resource, scopeSpans } of resourceSpans) {
        const [id] = resource.attributes.filter(({ key }) => key === "service.instance.id");
        const instance = id?.value.stringValue ?? "";
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, instance })));
      }
      answer.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    logs,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of incoming as AsyncIterable<Buffer>) text += chunk.toString("utf8");
  return text;
}
