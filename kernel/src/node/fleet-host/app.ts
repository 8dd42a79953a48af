/** What a system gives to run as a fleet: the same services as in one process, and how they are told their settings. */
import type { Authenticate } from "../../gateway/mod.ts";
import type { Host, Settings, System } from "../../runtime/mod.ts";
import type { Rates } from "../rates.ts";

/** The secrets of services, by service and name. */
export type ServiceSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What settings are made from. */
export interface SettingsSource {
  /** Where the gateways are reached. */
  readonly url: string;
  /** Those of the services that are placed here, and of no others. */
  readonly secrets: ServiceSecrets;
}

/** A system as a fleet. */
export interface FleetApp {
  readonly system: System;
  readonly version: string;
  /**
   * The secrets of all services, kept in the fleet's folder or given by the environment. Asked for by whoever starts the
   * processes; each is told those of its own services only.
   */
  readonly secrets?: (folder: string) => ServiceSecrets;
  /** Settings of the services that are placed in a process. */
  readonly settings?: (source: SettingsSource) => Settings;
  /** How long the certificates of a local fleet's processes live, in milliseconds; an hour unless said. */
  readonly certificateLifeMs?: number;
  /** How many requests gateways take, together; see {@link Rates}. */
  readonly rates?: Rates;
  /** Judges of tokens and API keys, for gateways. */
  readonly judges?: (host: Host) => { readonly authenticate: Authenticate; readonly apiKey: Authenticate };
  /** Fills the databases the first time; called by one gateway when the fleet is ready. May be called again. */
  readonly prepare?: (host: Host, folder: string) => Promise<void>;
}

/** Says what runs as a fleet; a module that calls {@link isomer} with it is a system's entry. */
export function defineFleet(app: FleetApp): FleetApp {
  return app;
}
