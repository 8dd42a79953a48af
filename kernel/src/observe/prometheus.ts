/** Prometheus' text exposition format 0.0.4, with OpenTelemetry's rules for turning names into Prometheus'. */
import type { AnyMetric, MetricUnit } from "./metrics.ts";
import type { HistogramSeries } from "./series.ts";

const UNITS: Readonly<Record<MetricUnit, string>> = {
  s: "_seconds",
  By: "_bytes",
  "1": "_ratio",
  "": "",
};

/** The text of some metrics, sorted as given. */
export function prometheusText(metrics: readonly AnyMetric[]): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const name = prometheusName(metric);
    lines.push(`# HELP ${name} ${escapeHelp(metric.help)}`, `# TYPE ${name} ${metric.type}`);
    const labelNames = metric.labelNames.map(sanitize);
    if (metric.type === "histogram") {
      for (const [values, series] of metric.series()) histogram(lines, name, pairs(labelNames, values), series);
    } else {
      for (const [values, series] of metric.series()) {
        const { value } = series;
        if (!Number.isNaN(value)) lines.push(`${name}${braced(pairs(labelNames, values))} ${number(value)}`);
      }
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** The name under which a metric stands in the text: `rpc.server.call.duration` is `rpc_server_call_duration_seconds`. */
export function prometheusName(metric: Pick<AnyMetric, "name" | "unit" | "type">): string {
  const suffix = UNITS[metric.unit];
  let name = sanitize(metric.name);
  if (!name.endsWith(suffix)) name += suffix;
  return metric.type === "counter" && !name.endsWith("_total") ? `${name}_total` : name;
}

function histogram(lines: string[], name: string, labels: readonly string[], series: HistogramSeries): void {
  let below = 0;
  for (let bucket = 0; bucket < series.counts.length; bucket += 1) {
    below += series.counts[bucket] ?? 0;
    const bound = number(series.boundaries[bucket] ?? Infinity);
    lines.push(`${name}_bucket${braced([...labels, `le="${bound}"`])} ${below}`);
  }
  lines.push(`${name}_sum${braced(labels)} ${number(series.sum)}`, `${name}_count${braced(labels)} ${series.count}`);
}

function pairs(names: readonly string[], values: readonly string[]): string[] {
  return names.map((name, index) => `${name}="${escapeLabel(values[index] ?? "")}"`);
}

function braced(labels: readonly string[]): string {
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

function number(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function sanitize(name: string): string {
  const clean = name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  return clean === "" || /^[0-9]/.test(clean) ? `_${clean}` : clean;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
