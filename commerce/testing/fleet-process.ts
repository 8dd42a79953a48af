/** A fleet of a test's own: real processes, real servers on free ports, a folder that is deleted in the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock, systemRandom } from "@isomer/kernel/node";
import { passwordsOf } from "@isomer/kernel/node/local-fleet";
import { type NatsLink, OPERATOR, openNats } from "@isomer/kernel/node/nats";
import { findPostgres, findProgram, freePorts } from "@isomer/kernel/node/engines";
import { type FleetRow, askFleet, fleetPaths, readFleetFile, readInstanceFile } from "@isomer/kernel/node/fleet";
import { postgresStorage } from "@isomer/kernel/node/postgres";
import type { Settings } from "@isomer/kernel/runtime";
import { silentLogger } from "@isomer/kernel/std";
import type { Database } from "@isomer/kernel/store";
import pg from "pg";
import { shop } from "../system.ts";
import {
  type CheckOptions,
  type ShopData,
  type Violation,
  checkShop,
  copyShopData,
  listenersOf,
  underWay,
} from "./invariants/mod.ts";

/** How services are placed: each in its own process, a few together, or all in one beside the gateways. */
export type PlacementName = "apart" | "grouped" | "together";

/** What a fleet is started with. */
export interface FleetProcessOptions {
  readonly placement?: PlacementName;
  readonly overrides?: Settings;
  readonly gateways?: number;
  /** How many processes of each group there are; 1 unless said. */
  readonly replicas?: number;
  /** How long certificates live, in milliseconds; an hour unless said. */
  readonly certificateLifeMs?: number;
  /** The entry of another fleet that has the shop in it. */
  readonly entry?: string;
  /** More of the environment of all processes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** On how many servers NATS runs; 1 unless said. */
  readonly natsServers?: 1 | 3;
}

const ENTRY = fileURLToPath(new URL("./fleet-entry.ts", import.meta.url));
const SERVICES = shop.services.map(({ contract }) => contract.name);
const LISTENERS = listenersOf(shop);
const STARTED_MS = 240_000;

/** Which services share a process where some do. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  people: ["auth", "users", "notifications", "operator"],
  goods: ["catalog", "pricing", "inventory", "storefront"],
  sales: ["cart", "checkout", "orders"],
  parties: ["payments", "shipping", "sandboxpay", "sandboxship"],
};

/** Why there can be no fleet here, if so: the reason to skip a test with. */
export function withoutServers(): string | false {
  const missing = [
    ...(findPostgres() === undefined ? ["postgresql"] : []),
    ...["nats-server", "redis-server"].filter((program) => findProgram(program) === undefined),
  ];
  return missing.length === 0 ? false : `servers are not installed: apt-get install ${missing.join(" ")}`;
}

/** A fleet that runs. */
export class FleetProcess {
  readonly folder: string;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #databases = new Map<string, Promise<Database>>();
  #said = "";

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.folder = folder;
    this.port = port;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (this.#said = `${this.#said}${chunk.toString("utf8")}`.slice(-20_000)));
  }

  /** Starts a fleet; resolves when everything is ready and the shop is filled. */
  static async start(options: FleetProcessOptions = {}): Promise<FleetProcess> {
    const {
      placement = "grouped",
      overrides = {},
      gateways = 1,
      replicas = 1,
      certificateLifeMs = 0,
      natsServers = 1,
    } = options;
    const { entry = ENTRY, environment = {} } = options;
    const folder = mkdtempSync(join(tmpdir(), "isomer-fleet-"));
    const port = await freePorts(gateways);
    const file = join(folder, "wanted.json");
    writeFileSync(file, JSON.stringify(placementOf(placement, { gateways, port, replicas })));
    const child = spawn(process.execPath, [entry, "fleet", "--data", folder, "--placement", file], {
      env: {
        ...withoutTestContext(process.env),
        SHOP_OVERRIDES: JSON.stringify(overrides),
        SHOP_CERTIFICATE_LIFE_MS: String(certificateLifeMs),
        SHOP_NATS_SERVERS: String(natsServers),
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const fleet = new FleetProcess(folder, port, child);
    try {
      await fleet.#ready();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the supervisor said lately. */
  get said(): string {
    return this.#said;
  }

  /** What runs. */
  async rows(): Promise<readonly FleetRow[]> {
    return (await askFleet(this.folder, { do: "ps" }))?.rows ?? [];
  }

  /** Asks the supervisor for a change, and resolves when it is made. */
  async change(request: Parameters<typeof askFleet>[1]): Promise<void> {
    await askFleet(this.folder, request, () => {});
  }

  /** The row of a process or server. */
  async row(instance: string): Promise<FleetRow> {
    const row = (await this.rows()).find((one) => one.instance === instance);
    if (row === undefined) throw new Error(`There is no ${instance}.`);
    return row;
  }

  /** The last of a group's processes, or a server: its name changes when the group is rolled. */
  async of(group: string): Promise<FleetRow> {
    const row = (await this.rows()).findLast((one) => one.group === group);
    if (row === undefined) throw new Error(`There is no group ${group}.`);
    return row;
  }

  /** Sends a signal to a process or server, as whoever pulls a plug would. */
  async signal(instance: string, signal: NodeJS.Signals): Promise<void> {
    const { pid } = await this.row(instance);
    if (pid === undefined) throw new Error(`${instance} does not run.`);
    process.kill(pid, signal);
  }

  /** Kills all processes at once, as the end of the one process of a shop would: its servers go on. */
  async killAll(): Promise<void> {
    const pids = (await this.rows()).flatMap(({ kind, pid }) => (kind === "engine" || pid === undefined ? [] : [pid]));
    for (const pid of pids) process.kill(pid, "SIGKILL");
    while ((await this.rows()).some(({ pid }) => pid !== undefined && pids.includes(pid))) await pause(20);
  }

  /** Does something in the database of a service, as the server's superuser. */
  async asSuperuser<T>(service: string, action: (admin: pg.Client) => Promise<T>): Promise<T> {
    const { postgres } = readFleetFile(this.folder).engines;
    const password = this.#passwordOf("postgres");
    const admin = new pg.Client(`postgres://postgres:${password}@127.0.0.1:${postgres?.port}/isomer_${service}`);
    admin.on("error", () => {});
    await admin.connect();
    try {
      return await action(admin);
    } finally {
      await admin.end();
    }
  }

  /** Does something with NATS, as who runs the fleet. */
  async asOperator<T>(action: (link: NatsLink) => Promise<T>): Promise<T> {
    const { servers = [] } = readFleetFile(this.folder).engines.nats ?? {};
    const credentials = { user: OPERATOR, password: this.#passwordOf(`nats/${OPERATOR}`) };
    const ports = { clock: systemClock(), random: systemRandom(), log: silentLogger };
    const link = openNats({ servers, name: "a test", credentials, ...ports });
    try {
      await link.up();
      return await action(link);
    } finally {
      await link.close();
    }
  }

  /** Resolves when these are ready, or all are; rejects when it takes too long. */
  async ready(instances?: readonly string[], withinMs = 120_000): Promise<void> {
    const isReady = ({ state }: FleetRow): boolean => state === "ready" || state === "running";
    for (const givenUpAt = performance.now() + withinMs; ;) {
      const rows = await this.rows();
      const wanted = instances === undefined ? rows : rows.filter(({ instance }) => instances.includes(instance));
      if (wanted.length >= (instances?.length ?? 1) && wanted.every(isReady)) return;
      if (performance.now() > givenUpAt)
        throw new Error(
          `Not ready: ${wanted
            .filter((row) => !isReady(row))
            .map(({ instance, state }) => `${instance} is ${state}`)
            .join(", ")}.\n${this.#said}`,
        );
      await pause(100);
    }
  }

  /** What its databases hold, copied. */
  async data(): Promise<ShopData> {
    const databases = new Map<string, Database>();
    for (const service of SERVICES) databases.set(service, await this.#database(service));
    return copyShopData(databases);
  }

  /** Resolves when nothing is under way any more. @throws after `withinMs`, telling what is. */
  async settle(withinMs = 120_000): Promise<void> {
    for (let quiet = 0, givenUpAt = performance.now() + withinMs; quiet < 2;) {
      const data = await this.data();
      const left = underWay(data, LISTENERS);
      data[Symbol.dispose]();
      quiet = left.length === 0 ? quiet + 1 : 0;
      if (quiet === 0 && performance.now() > givenUpAt)
        throw new Error(`It does not come to rest: ${left.join("; ")}.\n${this.#said}`);
      await pause(200);
    }
  }

  /** What is broken in its databases, or told wrongly. */
  async check(options: CheckOptions = {}): Promise<readonly Violation[]> {
    const data = await this.data();
    try {
      return await checkShop(data, { listeners: LISTENERS, ...options });
    } finally {
      data[Symbol.dispose]();
    }
  }

  /** Errors that its processes logged. */
  complaints(): readonly { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] {
    const folder = join(this.folder, "logs");
    return readdirSync(folder)
      .filter((name) => name.endsWith(".log"))
      .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
      .filter((line) => line.includes('"level":"error"'))
      .map((line) => {
        const { message, ...fields } = JSON.parse(line) as { message: string };
        return { message, fields };
      });
  }

  /** Stops it in good order, and deletes its folder. */
  async stop(): Promise<void> {
    for (const opening of this.#databases.values()) await (await opening).close();
    const ended = new Promise<void>((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
      else this.#child.once("exit", () => resolve());
    });
    this.#child.kill("SIGTERM");
    const kill = setTimeout(() => this.#child.kill("SIGTERM"), 40_000);
    await ended;
    clearTimeout(kill);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #passwordOf(party: string): string {
    return passwordsOf(join(this.folder, "engines"))(party);
  }

  async #ready(): Promise<void> {
    for (const givenUpAt = performance.now() + STARTED_MS; !this.#said.includes("the fleet runs");) {
      if (this.#child.exitCode !== null) throw new Error(`The fleet did not start:\n${this.#said}`);
      if (performance.now() > givenUpAt) throw new Error(`The fleet takes too long to start:\n${this.#said}`);
      await pause(50);
    }
  }

  /** Beside the services' own connections, with their credentials. */
  #database(service: string): Promise<Database> {
    const known = this.#databases.get(service);
    if (known !== undefined) return known;
    const { postgres } = readFleetFile(this.folder).engines;
    const urlOf = (): string => {
      for (const name of readdirSync(join(this.folder, "instances")).filter((one) => one.endsWith(".json"))) {
        const login = readInstanceFile(this.folder, name.slice(0, -".json".length)).credentials.postgres?.[service];
        if (login !== undefined)
          return `postgres://${login.user}:${login.password}@127.0.0.1:${postgres?.port}/${login.database}`;
      }
      throw new Error(`Nobody has ${service}: ${fleetPaths.fleet(this.folder)}`);
    };
    const storage = postgresStorage({ urlOf, clock: systemClock(), random: systemRandom(), connectionsMax: 1 });
    const opening = storage.open(service);
    this.#databases.set(service, opening);
    return opening;
  }
}

function placementOf(name: PlacementName, options: { gateways: number; port: number; replicas: number }): object {
  const { gateways, port, replicas } = options;
  const groups =
    name === "apart"
      ? Object.fromEntries(SERVICES.map((one) => [one, [one]]))
      : name === "grouped"
        ? GROUPS
        : { shop: SERVICES };
  return {
    version: 1,
    gateways: { replicas: gateways, port },
    groups: Object.fromEntries(Object.entries(groups).map(([group, services]) => [group, { services, replicas }])),
  };
}

function withoutTestContext({ NODE_TEST_CONTEXT: _, ...environment }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return environment;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
