/** The databases of a host's services in PostgreSQL. */
import type { Clock, Random } from "../../std/mod.ts";
import type { Storage } from "../../store/mod.ts";
import { PostgresDatabase } from "./database.ts";

/** Where and how databases are opened. */
export interface PostgresStorageOptions {
  /** Where a service's database is, with the credentials that it has at run time: `postgres://role:password@host/name`. */
  readonly urlOf: (service: string) => string;
  /** The same with a role that may make and change tables; that of `urlOf` unless said. Used while migrating only. */
  readonly migrationUrlOf?: (service: string) => string;
  /** A copy that may be behind: reads that allow it go there. */
  readonly replicaUrlOf?: (service: string) => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** The most connections per service: 8 unless told. Those of all services and replicas must fit the server's. */
  readonly connectionsMax?: number;
  /** How many transactions may wait for a connection before more are refused: 10,000 unless told. */
  readonly queuedMax?: number;
  /** How long a body may take at most, in milliseconds, whatever its deadline: 10,000 unless told. */
  readonly longestMs?: number;
}

/** Opens databases in PostgreSQL 14 or newer. Connections are made when they are needed: `open` alone makes none. */
export function postgresStorage(options: PostgresStorageOptions): Storage {
  const { urlOf, migrationUrlOf = urlOf, replicaUrlOf } = options;
  return {
    async open(service) {
      return new PostgresDatabase({
        name: service,
        url: urlOf(service),
        migrationUrl: migrationUrlOf(service),
        replicaUrl: replicaUrlOf?.(service),
        clock: options.clock,
        random: options.random,
        connectionsMax: options.connectionsMax ?? 8,
        queuedMax: options.queuedMax ?? 10_000,
        longestMs: options.longestMs ?? 10_000,
      });
    },
  };
}
