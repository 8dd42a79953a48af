/** An instance as a line of the table. */
import type { Instance } from "./instance.ts";
import type { FleetRow } from "./rows.ts";

/** Without a sign of life for so long, an instance is shown as silent, in milliseconds. */
const SILENT_MS = 5_000;

/** The line of an instance, at a moment of the monotonic clock. */
export function instanceRow(group: string, instance: Instance, nowMs: number): FleetRow {
  const { spec, pid, upMs, rates, restarts } = instance;
  const isGateway = spec.gatewayPort !== undefined;
  return {
    kind: isGateway ? "gateway" : "service",
    group,
    services: [...spec.services],
    instance: instance.name,
    ...(pid === undefined ? {} : { pid }),
    ...stateOf(instance, nowMs),
    ...addressOf(instance),
    ...(upMs === undefined ? {} : { upMs }),
    restarts,
    ...rates,
    version: spec.build.label,
    ...(spec.program === undefined ? {} : { program: spec.program.command.join(" ") }),
  };
}

function stateOf({ state, silentMs }: Instance, nowMs: number): { state: string; note?: string } {
  switch (state.is) {
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((state.untilMs - nowMs) / 1000));
      return { state: state.isLoop ? "crash loop" : "waiting", note: `again in ${seconds} s` };
    }
    case "ready":
      return silentMs !== undefined && silentMs >= SILENT_MS
        ? { state: "silent", note: `for ${Math.round(silentMs / 1000)} s` }
        : { state: "ready" };
    case "starting":
    case "draining":
    case "stopping":
    case "ended":
      return { state: state.is };
  }
}

function addressOf({ state, spec }: Instance): { address?: string } {
  if (spec.gatewayPort !== undefined) return { address: `http://127.0.0.1:${spec.gatewayPort}` };
  const port = state.is === "ready" ? (state.wirePort ?? state.httpPort ?? state.grpcPort) : undefined;
  if (port !== undefined) return { address: `127.0.0.1:${port}` };
  return {};
}
