/** The servers beside a local fleet, as its supervisor sees them: PostgreSQL, NATS, Redis. */
import type { FleetFile, InstanceFile } from "./fleet-file.ts";

/** A server that the supervisor starts before all processes, and stops after them. */
export interface Engine {
  readonly name: string;
  /** Where it is reached, for people: `127.0.0.1:5433`. Stays the same when it is started again. */
  readonly address: string;
  readonly isRunning: boolean;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** Resolves when it answers. What it kept is there again. @throws when it does not start, saying why. */
  start(): Promise<void>;
  /** Lets it finish what it does, then ends it. Does nothing when it does not run. */
  stop(): Promise<void>;
  /** Ends it at once. What it acknowledged is kept. */
  kill(): void;
}

/** All servers of a fleet, and what its processes need to know of them. */
export interface FleetEngines {
  /** In the order in which they are started. */
  readonly all: readonly Engine[];
  /** Where they are, once they run. Holds no secret. */
  describe(): FleetFile["engines"];
  /** What a process with these services may sign in with; no other service's. */
  credentialsOf(services: readonly string[], isGateway: boolean): InstanceFile["credentials"];
  /** Makes the stream of a service begin again after a position of its log; absent where there are no streams. */
  rewind?(service: string, position: number): Promise<void>;
}

/** A fleet without servers: for tests, and for systems whose services keep their data in files. */
export const noEngines: FleetEngines = {
  all: [],
  describe: () => ({}),
  credentialsOf: () => ({}),
};

/**
 * What gives processes their identity. Implemented by the local authority; called before a process starts, and again
 * when half of what it was given is over.
 */
export interface CredentialsWriter {
  readonly trustDomain: string;
  /**
   * Writes the credentials of workloads (`service/orders`, `gateway`) and the trust bundle into a folder, each file
   * replaced as a whole. Returns when to call again, milliseconds since 1970.
   */
  write(folder: string, workloads: readonly string[]): Promise<{ readonly renewAt: number }>;
}
