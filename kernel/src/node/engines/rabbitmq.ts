/** A RabbitMQ server of its own: own node, ports, folder and port mapper, so that no other on the machine is disturbed. */
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "./free-ports.ts";
import { type RunningProgram, findProgram, startProgram } from "./program.ts";

/** How a server is started. */
export interface RabbitOptions {
  /** Where it keeps its queues, configuration and log. */
  readonly folder: string;
  /** The port for clients; a free one unless said. */
  readonly port?: number;
}

/** A RabbitMQ server that was started here. It takes seconds to start. */
export interface RabbitServer {
  readonly port: number;
  /** `amqp://…` with the user that it comes with. */
  readonly url: string;
  readonly isRunning: boolean;
  /** Starts it again, on the same port and with what its folder has. */
  start(): Promise<void>;
  /** Ends it: in good order, or with SIGKILL as a crash does. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it, and what was started for it. */
  close(): Promise<void>;
  /** Removes what it keeps. It must not run. */
  wipe(): void;
}

/** Where packages keep the server itself; what is on the path changes the user first. */
const FOLDERS: readonly string[] = ["/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin"];
const READY_MS = 60_000;

/** Whether `rabbitmq-server` is installed. */
export const hasRabbit = (): boolean => findProgram("rabbitmq-server", FOLDERS) !== undefined;

/** Starts a server. @throws when it is not installed, or does not start. */
export async function startRabbit(options: RabbitOptions): Promise<RabbitServer> {
  const [port, distribution, mapper] = await Promise.all([options.port ?? freePort(), freePort(), freePort()]);
  const server = new Server(options.folder, { port, distribution, mapper });
  await server.start();
  return server;
}

interface Ports {
  readonly port: number;
  /** Where nodes of a cluster would come. */
  readonly distribution: number;
  /** Where nodes ask for one another. */
  readonly mapper: number;
}

class Server implements RabbitServer {
  readonly #folder: string;
  readonly #ports: Ports;
  #mapper: RunningProgram | undefined;
  #program: RunningProgram | undefined;

  constructor(folder: string, ports: Ports) {
    this.#folder = folder;
    this.#ports = ports;
  }

  get port(): number {
    return this.#ports.port;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.#ports.port}`;
  }

  get isRunning(): boolean {
    return this.#program?.isRunning ?? false;
  }

  async start(): Promise<void> {
    const [command, epmd] = [findProgram("rabbitmq-server", FOLDERS), findProgram("epmd")];
    if (command === undefined || epmd === undefined) {
      throw new Error("rabbitmq-server is not installed: apt-get install rabbitmq-server");
    }
    const folder = this.#folder;
    const user = userOf();
    mkdirSync(folder, { recursive: true });
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const shared = { folder, ...(user === undefined ? {} : { user }), environment: this.#environment() };
    if (this.#mapper?.isRunning !== true) {
      this.#mapper = await startProgram({
        ...shared,
        ...{ name: "epmd", command: epmd, arguments: ["-port", String(this.#ports.mapper), "-address", "127.0.0.1"] },
        isReady: () => listens(this.#ports.mapper),
      });
    }
    this.#program = await startProgram({
      ...shared,
      ...{ name: "rabbitmq", command, arguments: [], readyMs: READY_MS },
      isReady: () => listens(this.#ports.port),
    });
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#program?.stop(signal);
  }

  async close(): Promise<void> {
    await this.stop("SIGKILL");
    await this.#mapper?.stop("SIGKILL");
  }

  wipe(): void {
    rmSync(join(this.#folder, "data"), { recursive: true, force: true });
  }

  #environment(): Readonly<Record<string, string>> {
    const folder = this.#folder;
    const { port, distribution, mapper } = this.#ports;
    const configuration = join(folder, "rabbitmq.conf");
    writeFileSync(configuration, `listeners.tcp.1 = 127.0.0.1:${port}\nlog.console = true\nlog.file = false\n`);
    const plugins = join(folder, "plugins");
    writeFileSync(plugins, "[].\n");
    return {
      HOME: folder,
      ERL_EPMD_PORT: String(mapper),
      // The server takes the place of its script, so that a signal meets the server.
      RUNNING_UNDER_SYSTEMD: "true",
      RABBITMQ_NODENAME: `isomer${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_MNESIA_BASE: join(folder, "data"),
      RABBITMQ_LOG_BASE: join(folder, "logs"),
      RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      RABBITMQ_CONFIG_FILE: configuration,
      RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
      RABBITMQ_PID_FILE: join(folder, "pid"),
    };
  }
}

/** The server's own user, when this process may become it. */
function userOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((one) => one.startsWith("rabbitmq:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const over = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => over(true));
    socket.once("error", () => over(false));
  });
}
