/** Rate, errors and duration of HTTP requests, by OpenTelemetry's semantic conventions for HTTP. */
import type { HistogramSeries, Metrics } from "../observe/mod.ts";

/** Counts requests by route and status. */
export interface RequestMetrics {
  /** Counts a request that took this many seconds. Method and route are the binding's, never a client's text. */
  done(method: string, route: string, status: number, seconds: number): void;
}

/** The metric `http.server.request.duration` in seconds. */
export function requestMetrics(metrics: Metrics): RequestMetrics {
  const durations = metrics.histogram("http.server.request.duration", "How long HTTP requests took.", [
    "http.request.method",
    "http.route",
    "http.response.status_code",
  ]);
  // By route, then status: looked up for each request, so without a key made of text.
  const series = new Map<string, Map<number, HistogramSeries>>();
  return {
    done(method, route, status, seconds) {
      let byStatus = series.get(route);
      if (byStatus === undefined) series.set(route, (byStatus = new Map()));
      let one = byStatus.get(status);
      if (one === undefined) {
        one = durations.with({
          "http.request.method": method,
          "http.route": route.slice(route.indexOf(" ") + 1),
          "http.response.status_code": String(status),
        });
        byStatus.set(status, one);
      }
      one.observe(seconds);
    },
  };
}
