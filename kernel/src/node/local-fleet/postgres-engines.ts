/**
 * PostgreSQL of a local fleet: one server, and beside it a copy that streams what the first one writes, where one is wanted.
 *
 * Across a crash: what the first one acknowledged is in its folder. The copy gets what it missed from the first one; one that
 * was away for longer than that remembers stays behind, and so is asked by nobody. It is made anew when its folder is taken
 * away.
 */
import { join } from "node:path";
import { type RunningPostgres, startPostgres } from "../engines/mod.ts";
import type { Engine } from "../fleet/mod.ts";
import { provisionDatabases } from "../postgres/mod.ts";
import type { Ports } from "./ports.ts";
import { serverEngine } from "./server-engine.ts";

/** What the servers are started for. */
export interface PostgresEnginesOptions {
  /** Where all servers keep what they have. */
  readonly folder: string;
  readonly ports: Pick<Ports, "postgres" | "postgresCopy">;
  readonly services: readonly string[];
  readonly passwordOf: (party: string) => string;
}

/** Connections that PostgreSQL takes: each process has up to nine per service. A copy must take as many as the first one. */
const SETTINGS = { max_connections: 400 };
/** How much of what was written is remembered for a copy that is away. */
const REMEMBERED = { wal_keep_size: "512MB" };

/** The server, and its copy when there is a port for one. */
export function postgresEngines(options: PostgresEnginesOptions): readonly Engine[] {
  const { folder, ports, passwordOf, services } = options;
  const password = passwordOf("postgres");
  const first = Promise.withResolvers<RunningPostgres>();
  // Where there is no copy nobody asks how the start went, other than who started it.
  first.promise.catch(() => undefined);
  const { postgresCopy } = ports;
  const settings = postgresCopy === undefined ? SETTINGS : { ...SETTINGS, ...REMEMBERED };
  const primary = serverEngine({
    name: "postgres",
    port: ports.postgres,
    first: () => {
      const starting = startPostgres({ folder: join(folder, "postgres"), port: ports.postgres, password, settings });
      starting.then(first.resolve, first.reject);
      return starting;
    },
    again: (running) => running.start(),
    prepare: ({ adminUrl }) => provisionDatabases({ adminUrl, services, passwordOf, ownsServer: true }),
  });
  if (postgresCopy === undefined) return [primary];
  const copy = serverEngine({
    name: "postgres-copy",
    port: postgresCopy,
    first: async () => {
      const copyOf = await first.promise;
      return startPostgres({ folder: join(folder, "postgres-copy"), port: postgresCopy, password, copyOf, settings });
    },
    again: (running) => running.start(),
    prepare: () => Promise.resolve(),
  });
  return [primary, copy];
}
