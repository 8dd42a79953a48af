/** A PostgreSQL cluster for one file of tests, with a database for each of them. */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Storage } from "../../../store/mod.ts";
import { systemClock } from "../../clock.ts";
import { type RunningPostgres, findPostgres, startPostgres } from "../../engines/mod.ts";
import { systemRandom } from "../../random.ts";
import { type PostgresStorageOptions, dropDatabases, postgresStorage, provisionDatabases } from "../mod.ts";

/** Why tests on PostgreSQL are skipped here; false where they run. */
export const withoutPostgres: string | false =
  findPostgres() === undefined ? "postgres is not installed: apt-get install postgresql" : false;

/** A place in the cluster that nobody else uses. */
export interface TestDatabases {
  readonly storage: Storage;
  urlOf(service: string): string;
  migrationUrlOf(service: string): string;
  /** Another storage over the same databases: another replica. */
  replica(more?: Partial<PostgresStorageOptions>): Storage;
  drop(): Promise<void>;
}

/** A cluster that is started at its first use, and stopped and removed after the file's tests. */
export interface TestCluster {
  server(): Promise<RunningPostgres>;
  databases(services: readonly string[], more?: Partial<PostgresStorageOptions>): Promise<TestDatabases>;
}

/** How a cluster is declared. */
export interface TestClusterOptions {
  /** Whether its commits wait for the disk; they do not unless said. */
  readonly isDurable?: boolean;
  /** Given what stops it: `after` of the test runner unless said, which calls first what was declared first. */
  readonly atEnd?: (stop: () => Promise<void>) => void;
}

/** Declares the cluster of a file of tests. */
export function testCluster(options: TestClusterOptions = {}): TestCluster {
  let starting: Promise<RunningPostgres> | undefined;
  let folder: string | undefined;
  let places = 0;
  const start = async (): Promise<RunningPostgres> => {
    folder = await mkdtemp(join(tmpdir(), "isomer-postgres-"));
    // The user postgres has to get through.
    await chmod(folder, 0o711);
    const password = randomBytes(16).toString("hex");
    return startPostgres({ folder: join(folder, "cluster"), password, isDurable: options.isDurable ?? false });
  };
  const server = (): Promise<RunningPostgres> => (starting ??= start());
  const { atEnd = after } = options;
  atEnd(async () => {
    await (await starting)?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });
  return {
    server,
    async databases(services, more) {
      const { adminUrl } = await server();
      places += 1;
      const prefix = `t${places}_`;
      const { urlOf, migrationUrlOf } = await provisionDatabases({
        adminUrl,
        services,
        prefix,
        ownsServer: true,
        passwordOf: (role) => `secret of ${role}`,
      });
      const usual = { urlOf, migrationUrlOf, clock: systemClock(), random: systemRandom() };
      const replica = (other?: Partial<PostgresStorageOptions>): Storage =>
        postgresStorage({ ...usual, ...more, ...other });
      return {
        storage: replica(),
        urlOf,
        migrationUrlOf,
        replica,
        drop: () => dropDatabases({ adminUrl, services, prefix }),
      };
    },
  };
}
