/** What a system gives to run as a fleet: the same services as in one process, and how they are told their settings. */
import type { Authenticate } from "../../gateway/mod.ts";
import type { Host, Settings, System } from "../../runtime/mod.ts";
import type { CredentialsWriter, ProgramProtocol } from "../fleet/mod.ts";
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

/** How a service in another language is started in a local fleet, and spoken to. */
export interface FleetProgram {
  /** The program and its arguments; it is looked for as a shell would. What it is told stands in its environment. */
  readonly command: readonly [string, ...string[]];
  /** Where it is started. */
  readonly folder: URL;
  /** More of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How it is called: `http` unless said. */
  readonly protocol?: ProgramProtocol;
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
  /**
   * What gives a local fleet's processes their identity, over the fleet's folder: an authority that is made on first use
   * unless said.
   */
  readonly credentials?: (folder: string) => Promise<CredentialsWriter>;
  /** How the system's external services are started. Each of `externals` has one: by service. */
  readonly programs?: Readonly<Record<string, FleetProgram>>;
  /**
   * The folder with the locks of the contracts' numbers (`writeProtos`). With it, what external services use is served to
   * them over gRPC, too.
   */
  readonly protos?: URL;
  /** On how many servers NATS of a local fleet runs: 1 unless said. With 3, one of them may be lost at any time. */
  readonly natsServers?: 1 | 3;
  /**
   * Whether PostgreSQL of a local fleet has a streaming copy beside it, which answers queries that allow an old state
   * (`staleMaxMs`). Without one they are answered like all others.
   */
  readonly postgresCopy?: boolean;
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
