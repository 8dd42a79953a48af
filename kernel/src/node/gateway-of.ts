/** The gateway of a process, whatever stands behind it: services in the same process, or a fleet. */
import { type Authenticate, Gateway } from "../gateway/mod.ts";
import type { Metrics, Tracer } from "../observe/mod.ts";
import { Draining, type Host, type System, type World } from "../runtime/mod.ts";
import { type Rates, type SharedLimiter, ratePolicies } from "./rates.ts";

/** What a gateway is set up with. */
export interface GatewaySetup {
  readonly system: System;
  readonly version: string;
  /** Judges bearer tokens and API keys, given the running host. */
  readonly judges?:
    | ((host: Host) => { readonly authenticate: Authenticate; readonly apiKey: Authenticate })
    | undefined;
  readonly rates?: Rates | undefined;
  /** Limits that all gateways share, by name; each counts for itself unless said. */
  readonly limiter?: SharedLimiter | undefined;
  readonly serveMetrics?: boolean | undefined;
}

/** Makes the gateway of a process, whose host may still be starting: until it runs, requests are refused with 503. */
export function gatewayOf(
  setup: GatewaySetup,
  world: World,
  { metrics, tracer }: { readonly metrics: Metrics; readonly tracer: Tracer },
  running: { readonly host?: Host },
): Gateway {
  const { system } = setup;
  return new Gateway({
    contracts: system.contracts,
    info: { title: system.name, version: setup.version },
    invoke: (call) => {
      if (running.host === undefined) throw Draining.with(undefined);
      const { key, identity, signal, ...rest } = call;
      return running.host.invoke({
        ...rest,
        ...(key === undefined ? {} : { key }),
        ...(identity === undefined ? {} : { identity }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    ...judgesOf(setup, running),
    ...ratePolicies(setup.rates, setup.limiter),
    clock: world.clock,
    random: world.random,
    eventLoop: world.eventLoop,
    tracer,
    metrics,
    log: world.log,
    readiness: [{ name: "services", check: () => running.host !== undefined }],
    serveMetrics: setup.serveMetrics ?? false,
  });
}

function judgesOf({ judges: make }: GatewaySetup, running: { readonly host?: Host }) {
  if (make === undefined) return {};
  let made: ReturnType<typeof make> | undefined;
  const judges = () => {
    if (running.host === undefined) throw Draining.with(undefined);
    return (made ??= make(running.host));
  };
  const authenticate: Authenticate = (token) => judges().authenticate(token);
  const apiKey: Authenticate = (key) => judges().apiKey(key);
  return { authenticate, apiKey };
}
