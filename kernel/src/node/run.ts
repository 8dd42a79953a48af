/**
 * Runs a system in this process: databases, services, gateway, one listener.
 *
 * The listener opens first, because services may need to know its address; until they have started, requests are
 * answered with 503 and `/readyz` says so.
 */
import { hostname } from "node:os";
import type { Authenticate } from "../gateway/mod.ts";
import { gatewayOf } from "./gateway-of.ts";
import type { EventLoopDelay } from "../guard/mod.ts";
import { Metrics, Tracer } from "../observe/mod.ts";
import { Host, type Settings, type System } from "../runtime/mod.ts";
import type { Logger } from "../std/mod.ts";
import type { Storage } from "../store/mod.ts";
import { type ListenOptions, type Listening, listen } from "./http/mod.ts";
import { OtlpExporter, otlpSettings } from "./telemetry-otlp.ts";
import { traceRate } from "./trace-rate.ts";
import type { Rates } from "./rates.ts";
import { type OpenWorld, openWorld } from "./world.ts";

/** What {@link runSystem} takes. */
export interface RunOptions {
  readonly system: System;
  readonly version: string;
  readonly dataFolder: string;
  /** Opens the databases; see {@link openWorld}. */
  readonly storage?: Storage;
  readonly log: Logger;
  /** The mail server; see {@link openWorld}. */
  readonly smtpUrl?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly host?: string;
  /** Settings of the services, told where the gateway is reached. */
  readonly settings?: (url: string) => Settings;
  /** Judges bearer tokens and API keys, given the running host. */
  readonly judges?: (host: Host) => { readonly authenticate: Authenticate; readonly apiKey: Authenticate };
  /** 6,000 by address and 3,000 by identity unless said. */
  readonly rates?: Rates;
  readonly corsOrigins?: readonly string[];
  readonly trustProxies?: readonly string[];
  readonly serveMetrics?: boolean;
  /** Acknowledge before the disk has it: for tests and benchmarks of other things. */
  readonly relaxed?: boolean;
  readonly jobs?: boolean;
  /** How late the event loop runs: for tests on busy machines, which would shed load. Measured unless said. */
  readonly eventLoop?: EventLoopDelay;
  /** The share of traces that are kept, 0 to 1; as the environment says unless said ({@link traceRate}), or 1. */
  readonly sampleRate?: number;
}

/** A system that runs. */
export interface RunningSystem {
  readonly url: string;
  readonly host: Host;
  /** Drains: no new requests, finishes what is under way, closes the databases. */
  stop(): Promise<void>;
}

/** Starts a system. @throws when the port or the data folder is taken, or a database or setting is not right. */
export async function runSystem(options: RunOptions): Promise<RunningSystem> {
  const { system, log } = options;
  const metrics = new Metrics();
  const open = openWorld({
    dataFolder: options.dataFolder,
    log,
    ...(options.storage === undefined ? {} : { storage: options.storage }),
    ...(options.relaxed === undefined ? {} : { relaxed: options.relaxed }),
    ...(options.smtpUrl === undefined ? {} : { smtpUrl: options.smtpUrl }),
    ...(options.eventLoop === undefined ? {} : { eventLoop: options.eventLoop }),
  });
  const { clock, random } = open.world;
  const otlp = otlpOf(options, open, metrics);
  const world = otlp === undefined ? open.world : { ...open.world, log: otlp.logger(log) };
  const { sampleRate = traceRate(process.env, 1) } = options;
  const tracer = new Tracer({ clock, random, sampleRate, ...(otlp === undefined ? {} : { exporter: otlp }) });
  const running: { host?: Host } = {};
  const gateway = gatewayOf(options, world, { metrics, tracer }, running);
  const listening = await listen({ gateway, port: options.port, ...listenOptions(options) }).catch((error: unknown) => {
    open.close();
    throw error;
  });
  try {
    running.host = await Host.start({
      system,
      world,
      metrics,
      tracer,
      // Where it listens, nobody else does, and it will again.
      replica: `${hostname()} ${new URL(listening.url).host}`,
      ...(options.settings === undefined ? {} : { settings: options.settings(listening.url) }),
      settingsFrom: '"settings" of runSystem',
      ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    });
  } catch (error) {
    await listening.close({ graceMs: 0 });
    open.close();
    throw error;
  }
  const { host } = running;
  return {
    url: listening.url,
    host,
    stop: () => stop({ host, listening, open, otlp }),
  };
}

interface Parts {
  readonly host: Host;
  readonly listening: Listening;
  readonly open: OpenWorld;
  readonly otlp: OtlpExporter | undefined;
}

async function stop({ host, listening, open, otlp }: Parts): Promise<void> {
  await listening.close();
  await host.stop();
  open.close();
  await otlp?.close();
}

function otlpOf({ system, log }: RunOptions, { world }: OpenWorld, metrics: Metrics): OtlpExporter | undefined {
  const settings = otlpSettings(process.env, system.name);
  if (settings === undefined) return undefined;
  return new OtlpExporter({ settings, metrics, log, clock: world.clock, random: world.random });
}

function listenOptions({ host, corsOrigins, trustProxies }: RunOptions): Partial<ListenOptions> {
  return {
    ...(host === undefined ? {} : { host }),
    ...(corsOrigins === undefined ? {} : { corsOrigins }),
    ...(trustProxies === undefined ? {} : { trustProxies }),
  };
}
