/** A shop of a test's own: on a free port, in a folder of its own, and quicker than life. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promptEventLoop } from "@isomer/kernel/guard";
import type { Settings } from "@isomer/kernel/runtime";
import type { LogFields, Logger } from "@isomer/kernel/std";
import { countDeadLetters } from "@isomer/kernel/events";
import type { Storage } from "@isomer/kernel/store";
import { seedDemo } from "../run/demo.ts";
import { loadSecrets } from "../run/secrets.ts";
import { type StartOptions, startShop } from "../run/shop.ts";
import { shop as system } from "../system.ts";
import { CheckedClient } from "./checked-client.ts";
import { type ShopData, openShopData } from "./invariants/mod.ts";

/** What {@link openShop} takes. */
export interface OpenShopOptions {
  /** Settings by service, on top of the quick ones. */
  readonly overrides?: Settings;
  readonly run?: StartOptions["run"];
  /** Whether it starts without the demo's catalogue and users. */
  readonly empty?: boolean;
  readonly dataFolder?: string;
}

/** Where a shop keeps what it knows, when that is not SQLite files in its folder. */
export interface ShopStore {
  readonly storage: Storage;
  /** What it knows now, for the invariants. */
  data(): Promise<ShopData>;
  drop(): Promise<void>;
}

/** What went wrong inside, as the log has it. */
export interface Complaint {
  readonly message: string;
  readonly fields: LogFields;
}

/** A shop that is open, however it is arranged. Disposing of it closes it and leaves nothing behind. */
export interface Shop extends AsyncDisposable {
  /** Of the demo's users. */
  readonly password: string;
  /** What the payment provider knows the shop by. */
  readonly paymentsApiKey: string;
  /** Nobody yet: `client.as(token)` is somebody. */
  readonly client: CheckedClient;
  /** Errors that were logged: tests expect none. */
  readonly complaints: readonly Complaint[];
  /** Signs somebody in. */
  login(email: string, password?: string): Promise<CheckedClient>;
  /** A new guest. */
  guest(): Promise<CheckedClient>;
  /** Resolves when every event was heard and no saga runs. */
  rest(): Promise<void>;
  /** Events that were given up, as `service: consumer`. */
  deadLetters(): Promise<readonly string[]>;
}

/** A shop in this process. */
export interface OpenShop extends Shop {
  readonly url: string;
  readonly host: Awaited<ReturnType<typeof startShop>>["host"];
  readonly dataFolder: string;
  /** What its databases hold now. */
  data(): Promise<ShopData>;
  /** Closes it; its folder stays. */
  stop(): Promise<void>;
  /** Opens it again on its folder, at another address. */
  reopen(): Promise<OpenShop>;
}

const SERVICES = system.services.map(({ contract }) => contract.name);

/** Settings that make hours of a shop's life pass in seconds. */
export const QUICK: Settings = {
  sandboxpay: { shortDelayMs: 50, longDelayMs: 1_500, darkMs: 300 },
  sandboxship: { stepMs: 30 },
  // Journeys send parcels themselves, or cancel them in time.
  shipping: { autoShip: false },
  checkout: { actionTimeoutMs: 60_000, unknownTimeoutMs: 60_000 },
};

/** By data folder: a shop that is opened again finds what it knew. */
const stores = new Map<string, ShopStore>();
let makeStore: (() => Promise<ShopStore>) | undefined;

/** Lets each shop that is opened from here on keep what it knows elsewhere: for running the same tests on another engine. */
export function keepShopsIn(make: () => Promise<ShopStore>): void {
  makeStore = make;
}

async function storeOf(dataFolder: string): Promise<ShopStore | undefined> {
  const known = stores.get(dataFolder);
  if (known !== undefined || makeStore === undefined) return known;
  const store = await makeStore();
  stores.set(dataFolder, store);
  return store;
}

/** Opens a shop. */
export async function openShop(options: OpenShopOptions = {}): Promise<OpenShop> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), "isomer-shop-"));
  const complaints: Complaint[] = [];
  const store = await storeOf(dataFolder);
  const elsewhere = store === undefined ? {} : { storage: store.storage };
  const running = await startShop({
    dataFolder,
    port: 0,
    log: complainingLogger(complaints),
    openMailbox: true,
    overrides: merged(QUICK, options.overrides ?? {}),
    run: {
      rates: { perAddress: 0, perIdentity: 0 },
      relaxed: true,
      eventLoop: promptEventLoop,
      ...elsewhere,
      ...options.run,
    },
  });
  if (options.empty !== true) await seedDemo(running.host, running.demoPassword);
  const client = new CheckedClient(running.url);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= running.stop().finally(() => client.close()));
  return {
    url: running.url,
    host: running.host,
    dataFolder,
    password: running.demoPassword,
    paymentsApiKey: loadSecrets(dataFolder).paymentsApiKey,
    client,
    complaints,
    data: async () => (await store?.data()) ?? openShopData(dataFolder, SERVICES),
    stop,
    reopen: () => openShop({ ...options, dataFolder }),
    ...doors(client, running.demoPassword),
    rest: () => running.host.idle(),
    deadLetters: () => deadLettersIn(running.host),
    async [Symbol.asyncDispose]() {
      await stop();
      await store?.drop();
      stores.delete(dataFolder);
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The ways in. */
export function doors(client: CheckedClient, demoPassword: string): Pick<Shop, "login" | "guest"> {
  return {
    async login(email, password = demoPassword) {
      const session = await client.expect(200, "POST", "/v1/auth/login", { body: { email, password } });
      return client.as(String(session.accessToken));
    },
    async guest() {
      const session = await client.expect(201, "POST", "/v1/guests", { body: {} });
      return client.as(String(session.accessToken));
    },
  };
}

async function deadLettersIn(host: OpenShop["host"]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [service, database] of host.databases()) {
    const dead = await database.read({ label: "dead letters" }, countDeadLetters);
    for (const consumer of dead.keys()) found.push(`${service}: ${consumer}`);
  }
  return found;
}

/** Settings of the first, with those of the second over them. */
export function merged(settings: Settings, others: Settings): Settings {
  const names = new Set([...Object.keys(settings), ...Object.keys(others)]);
  return Object.fromEntries([...names].map((name) => [name, { ...settings[name], ...others[name] }]));
}

function complainingLogger(complaints: Complaint[], about: LogFields = {}): Logger {
  return {
    debug() {},
    info() {},
    warn() {},
    error(message, fields = {}) {
      complaints.push({ message, fields: { ...about, ...fields } });
    },
    with: (fields) => complainingLogger(complaints, { ...about, ...fields }),
  };
}

/** Asks again and again until the answer is one to go on with. @throws after `timeoutMs`, telling the last answer. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  isIt: (value: T) => boolean,
  times: number | { readonly timeoutMs: number; readonly everyMs: number } = 10_000,
): Promise<T> {
  const { timeoutMs, everyMs } = typeof times === "number" ? { timeoutMs: times, everyMs: 15 } : times;
  const givenUpAt = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (isIt(value)) return value;
    if (performance.now() > givenUpAt) {
      throw new Error(`Waited in vain until ${what}. It is now: ${JSON.stringify(value)?.slice(0, 1_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
