/** NATS servers with JetStream, one or a cluster, each in a folder of its own. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "./free-ports.ts";
import { type RunningProgram, findProgram, startProgram } from "./program.ts";

/** Files of a certificate, its key and the authority that clients are checked against, by path. */
export interface NatsTlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  /** Whether a client is the user that its certificate names, by URI: then it needs no password. */
  readonly mapsUsers?: boolean;
}

/** How a server, or each server of a cluster, is started. */
export interface NatsOptions {
  /** Where it keeps its streams, configuration and log. */
  readonly folder: string;
  /** The port for clients; a free one unless said. Of a cluster: of its first server. */
  readonly port?: number;
  /** More configuration, as `nats-server` reads it: users and their permissions. */
  readonly configuration?: string;
  /** When said, clients must come by TLS and show a certificate. */
  readonly tls?: NatsTlsFiles;
}

/** A NATS server that was started here. */
export interface NatsServer {
  readonly name: string;
  readonly port: number;
  /** The process that runs now; 0 when none does. */
  readonly pid: number;
  /** Whether it runs now. */
  readonly isRunning: boolean;
  /** Starts it again, on the same port and with what its folder has. */
  start(): Promise<void>;
  /** Ends it: in good order, or with SIGKILL as a crash does. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sends it a signal without waiting: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Makes it read its configuration again, with other users or permissions. */
  reconfigure(configuration: string): void;
  /**
   * Makes it read the files of its certificate again, as `nats-server --signal reload` does. Connections stay; those that
   * are made from now on see what the files have. What it cannot read is in its log, and what it had before stays.
   */
  reload(): void;
  /** Removes what it keeps. It must not run. */
  wipe(): void;
}

/** Servers that keep streams together. */
export interface NatsCluster {
  readonly servers: readonly NatsServer[];
  /** Ends all. */
  stop(): Promise<void>;
}

/** Whether `nats-server` is installed. */
export const hasNats = (): boolean => findProgram("nats-server") !== undefined;

/** One server, not started yet. */
export function natsServer(options: Omit<NatsOptions, "port">, port: number): NatsServer {
  return new Server("nats", options, port, undefined);
}

/** Starts one server. @throws when it is not installed, or does not start. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const server = natsServer(options, options.port ?? (await freePort()));
  await server.start();
  return server;
}

/** Where the servers of a cluster listen, one after another: for clients, and for one another. */
export interface NatsClusterPorts {
  readonly clients: readonly number[];
  readonly routes: readonly number[];
  /** What servers show one another: whoever joins as a server is above all accounts. */
  readonly secret: string;
}

/**
 * The servers of a cluster, not started yet: `nats-1` and so on, each in a folder of its name. Those of a cluster of three
 * keep streams of three replicas as long as two of them run.
 */
export function natsCluster(options: Omit<NatsOptions, "port">, ports: NatsClusterPorts): readonly NatsServer[] {
  return ports.clients.map((port, index) => {
    const name = `nats-${index + 1}`;
    const routes = { own: ports.routes[index] ?? 0, all: ports.routes, secret: ports.secret };
    return new Server(name, { ...options, folder: join(options.folder, name) }, port, routes);
  });
}

/** Starts three servers that form a cluster. Streams of three replicas survive the loss of one. */
export async function startNatsCluster(options: NatsOptions): Promise<NatsCluster> {
  const free = () => Promise.all([0, 1, 2].map(() => freePort()));
  const [routes, ports] = await Promise.all([free(), free()]);
  if (options.port !== undefined) ports[0] = options.port;
  const servers = natsCluster(options, { routes, clients: ports, secret: randomBytes(24).toString("base64url") });
  await Promise.all(servers.map((server) => server.start()));
  return {
    servers,
    async stop() {
      await Promise.all(servers.map((server) => server.stop("SIGKILL")));
    },
  };
}

interface Routes {
  readonly own: number;
  readonly all: readonly number[];
  readonly secret: string;
}

class Server implements NatsServer {
  readonly name: string;
  readonly port: number;
  readonly #options: NatsOptions;
  readonly #routes: Routes | undefined;
  #configuration: string;
  #program: RunningProgram | undefined;

  constructor(name: string, options: NatsOptions, port: number, routes: Routes | undefined) {
    this.name = name;
    this.port = port;
    this.#options = options;
    this.#routes = routes;
    this.#configuration = options.configuration ?? "";
  }

  get pid(): number {
    return this.isRunning ? (this.#program?.pid ?? 0) : 0;
  }

  get isRunning(): boolean {
    return this.#program?.isRunning ?? false;
  }

  async start(): Promise<void> {
    const command = findProgram("nats-server");
    if (command === undefined) throw new Error("nats-server is not installed: apt-get install nats-server");
    const { folder } = this.#options;
    this.#program = await startProgram({
      name: this.name,
      command,
      arguments: ["-c", this.#write()],
      folder,
      isReady: () => greets(this.port),
    });
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#program?.stop(signal);
  }

  signal(signal: NodeJS.Signals): void {
    this.#program?.signal(signal);
  }

  reconfigure(configuration: string): void {
    this.#configuration = configuration;
    this.#write();
    this.#program?.signal("SIGHUP");
  }

  reload(): void {
    this.#program?.signal("SIGHUP");
  }

  wipe(): void {
    rmSync(join(this.#options.folder, "streams"), { recursive: true, force: true });
  }

  #write(): string {
    const { folder, tls } = this.#options;
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "nats.conf");
    const text = (value: string): string => JSON.stringify(value);
    const lines = [
      `server_name: ${text(this.name)}`,
      `listen: ${text(`127.0.0.1:${this.port}`)}`,
      `jetstream { store_dir: ${text(join(folder, "streams"))} }`,
      ...(this.#routes === undefined ? [] : [clusterOf(this.#routes)]),
      ...(tls === undefined
        ? []
        : [
            `tls { cert_file: ${text(tls.certificate)}, key_file: ${text(tls.key)}, ` +
              `ca_file: ${text(tls.authority)}, ${tls.mapsUsers === true ? "verify_and_map" : "verify"}: true }`,
          ]),
      this.#configuration,
    ];
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
    return path;
  }
}

function clusterOf({ own, all, secret }: Routes): string {
  const text = (value: string): string => JSON.stringify(value);
  const routes = all.map((port) => text(`nats://route:${secret}@127.0.0.1:${port}`)).join(", ");
  const authorization = `authorization { user: route, password: ${text(secret)} }`;
  return `cluster { name: isomer, listen: ${text(`127.0.0.1:${own}`)}, ${authorization}, routes: [${routes}] }`;
}

/** A server greets whoever connects with a line that begins with INFO. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const over = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (data) => over(data.toString("latin1").startsWith("INFO")));
    socket.once("error", () => over(false));
    socket.setTimeout(1_000, () => over(false));
  });
}
