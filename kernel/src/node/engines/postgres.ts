/**
 * A PostgreSQL cluster of one's own: for a fleet on one machine, and for tests. It listens on the loopback address only,
 * asks for passwords, and keeps everything in one folder; what is there already is used again.
 *
 * What holds across a crash: whatever PostgreSQL holds. Its commits are on the disk when they are acknowledged, unless
 * it was started with `isDurable: false`.
 */
import { execFile, execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-ports.ts";
import { type RunningProgram, findProgram, startProgram, versionedFolders } from "./program.ts";

const run = promisify(execFile);
const VERSIONS = "/usr/lib/postgresql";
/** PostgreSQL refuses to run as root; Debian has this user for it. */
const USER = "postgres";
/** After a kill -9 the processes of the last one may take a moment to notice. */
const STARTS_MAX = 5;
/**
 * The last checkpoint may have thousands of files to bring to the disk. A server that is killed in it leaves processes
 * behind, which hold the data until they are done.
 */
const STOP_MS = 60_000;

/** How a cluster is started. */
export interface PostgresOptions {
  /** Where it keeps its data and its log; made if need be. As root, the user `postgres` must be able to get there. */
  readonly folder: string;
  /** Any free one unless said. */
  readonly port?: number;
  /** The password of the superuser `postgres`. That of the first start counts; of a copy, its primary's. */
  readonly password: string;
  /** Whether commits wait for the disk: true unless said. False is for tests of other things. */
  readonly isDurable?: boolean;
  /** Begins as a copy of this running cluster when its folder is empty, follows it, and takes no writes. */
  readonly copyOf?: Pick<RunningPostgres, "adminUrl">;
  /** More settings, by name. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** A cluster that runs. */
export interface RunningPostgres {
  /** Connects as superuser: for making databases and roles, nothing else. */
  readonly adminUrl: string;
  readonly port: number;
  /** The server's process; a new one after each restart. */
  readonly program: RunningProgram;
  /** Ends its connections and stops it; or, with `SIGKILL`, kills it. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data after {@link RunningPostgres.stop} or a crash. */
  start(): Promise<void>;
}

/** Where PostgreSQL's programs are, newest version first; undefined when it is not installed. */
export function findPostgres(name = "postgres"): string | undefined {
  return findProgram(name, versionedFolders(VERSIONS, "bin"));
}

/** Starts a cluster, and makes it first when its folder is empty. @throws when it does not start: with what it said. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { folder, password } = options;
  const command = findPostgres();
  if (command === undefined) {
    throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  }
  const user = userOf();
  const data = join(folder, "data");
  mkdirSync(folder, { recursive: true });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  if (!existsSync(join(data, "PG_VERSION"))) await makeCluster({ ...options, data, user });
  const port = options.port ?? (await freePort());
  const adminUrl = `postgres://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const start = (): Promise<RunningProgram> =>
    startProgram({
      name: "postgres",
      command,
      arguments: ["-D", data, ...settingsOf(options, port)],
      folder,
      isReady: () => answers(adminUrl),
      stopMs: STOP_MS,
      ...(user === undefined ? {} : { user }),
    });
  let program = await start();
  return {
    adminUrl,
    port,
    get program() {
      return program;
    },
    // SIGINT does not wait for clients that stay.
    stop: (signal = "SIGINT") => program.stop(signal),
    async start() {
      for (let attempt = 1; !program.isRunning; attempt += 1) {
        try {
          program = await start();
        } catch (error) {
          if (attempt >= STARTS_MAX) throw error;
        }
      }
    },
  };
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

function userOf(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync("id", [flag, USER], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** A cluster that is not there yet. */
interface NewCluster extends PostgresOptions {
  readonly data: string;
  readonly user: User | undefined;
}

async function makeCluster(of: NewCluster): Promise<void> {
  const { data, folder, user, copyOf } = of;
  // What was interrupted left no cluster.
  rmSync(data, { recursive: true, force: true });
  if (copyOf !== undefined) {
    const copying = ["-D", data, "-d", copyOf.adminUrl, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"];
    await make("pg_basebackup", copying, of);
    return;
  }
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, of.password, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const making = ["-D", data, "--username", USER, "--pwfile", passwordFile, "--auth=scram-sha-256"];
  try {
    await make("initdb", [...making, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"], of);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function make(name: string, making: readonly string[], { data, folder, user }: NewCluster): Promise<void> {
  const command = findPostgres(name);
  if (command === undefined) throw new Error(`${name} is not installed: apt-get install postgresql`);
  try {
    await run(command, making, { cwd: folder, ...user });
  } catch (error) {
    throw new Error(`${name} could not make ${data}: ${String((error as { stderr?: unknown }).stderr)}`, {
      cause: error,
    });
  }
}

function settingsOf(options: PostgresOptions, port: number): string[] {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 400,
    shared_buffers: "64MB",
    // Serializable transactions lock what they read; with few places they lock whole tables, and undo one another.
    max_pred_locks_per_transaction: 256,
    // How long two that wait for one another do so before one is undone, and run again.
    deadlock_timeout: "100ms",
    password_encryption: "scram-sha-256",
    jit: "off",
    log_min_messages: "warning",
    log_min_error_statement: "panic",
    ...(options.isDurable === false ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

/** The port that a cluster in a folder used last; undefined when it never ran. For starting it again on the same one. */
export function lastPortOf(folder: string): number | undefined {
  const file = join(folder, "data", "postmaster.opts");
  if (!existsSync(file) || !statSync(file).isFile()) return undefined;
  const port = /"port=(\d+)"/.exec(readFileSync(file, "utf8"))?.[1];
  return port === undefined ? undefined : Number(port);
}
