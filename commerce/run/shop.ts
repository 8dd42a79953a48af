/** Starts the shop in this process: secrets, settings, services, gateway, demo data. */
import { readFileSync } from "node:fs";
import { type RunOptions, type RunningSystem, runSystem } from "@isomer/kernel/node";
import type { Settings } from "@isomer/kernel/runtime";
import type { Logger } from "@isomer/kernel/std";
import { shop } from "../system.ts";
import { judgesOf } from "./judges.ts";
import { loadSecrets } from "./secrets.ts";
import { settingsOf } from "./settings.ts";

/** What {@link startShop} takes. */
export interface StartOptions {
  readonly dataFolder: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly host?: string;
  readonly log: Logger;
  readonly smtpUrl?: string;
  readonly openMailbox?: boolean;
  /** Settings by service that take the place of the usual ones: for tests. */
  readonly overrides?: Settings;
  readonly run?: Partial<
    Pick<
      RunOptions,
      | "rates"
      | "corsOrigins"
      | "trustProxies"
      | "serveMetrics"
      | "relaxed"
      | "eventLoop"
      | "jobs"
      | "sampleRate"
      | "storage"
    >
  >;
}

/** The version of the shop. */
export const version = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
).version;

/** Whether other machines reach what listens on an address. */
export function isReachable(host = "localhost"): boolean {
  return host !== "localhost" && host !== "::1" && !host.startsWith("127.");
}

/** Starts the shop. @throws when the port or the data folder is taken. */
export async function startShop(options: StartOptions): Promise<RunningSystem & { readonly demoPassword: string }> {
  const secrets = loadSecrets(options.dataFolder, { isReachable: isReachable(options.host) });
  const { smtpUrl, openMailbox, overrides } = options;
  const running = await runSystem({
    system: shop,
    version,
    dataFolder: options.dataFolder,
    log: options.log,
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
    settings: (url) =>
      settingsOf(url, secrets, {
        ...(openMailbox === undefined ? {} : { openMailbox }),
        ...(overrides === undefined ? {} : { overrides }),
      }),
    judges: judgesOf,
    ...(smtpUrl === undefined ? {} : { smtpUrl }),
    ...options.run,
  });
  return { ...running, demoPassword: secrets.demoPassword };
}
