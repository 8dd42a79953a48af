/** Runs the shop as a child process on one port and one folder, through as many deaths as a test wants. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { freePort } from "@isomer/kernel/node/engines";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Settings } from "@isomer/kernel/runtime";
import { shop } from "../../system.ts";
import {
  type CheckOptions,
  type ShopData,
  type Violation,
  checkShop,
  listenersOf,
  openShopData,
  underWay,
} from "../invariants/mod.ts";
import type { ChildNews, ChildOptions, ChildOrder } from "./child.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const SERVICES = shop.services.map(({ contract }) => contract.name);
const LISTENERS = listenersOf(shop);

/** Settings that make hours of a shop's life pass in seconds: late successes come when the shop has given up. */
export const QUICK: Settings = {
  sandboxpay: { shortDelayMs: 100, longDelayMs: 18_000, darkMs: 500, webhookCopies: 2 },
  sandboxship: { stepMs: 50 },
  shipping: { autoShip: true, autoShipAfterMs: 300 },
  checkout: { actionTimeoutMs: 15_000, unknownTimeoutMs: 15_000 },
  // Payments that were called off before the provider heard of them are looked for over 25 s, longer than successes take.
  payments: { providerTimeoutMs: 3_000, calledOffLookMs: 100 },
};

/** How it is to go. */
export interface ShopProcessOptions {
  readonly overrides?: Settings;
}

/** A shop in a process of its own. Disposing of it kills it and deletes its folder. */
export class ShopProcess implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly #overrides: Settings;
  #child: ChildProcess | undefined;
  #startedAt = 0;

  private constructor(folder: string, port: number, overrides: Settings) {
    this.folder = folder;
    this.port = port;
    this.#overrides = overrides;
  }

  /** Starts a shop in a new folder; resolves when it is open and seeded. */
  static async start({ overrides = QUICK }: ShopProcessOptions = {}): Promise<ShopProcess> {
    const folder = mkdtempSync(join(tmpdir(), "isomer-chaos-"));
    const shopProcess = new ShopProcess(folder, await freePort(), overrides);
    await shopProcess.open();
    return shopProcess;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The process that runs now; 0 when none does. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** How long the last start took until it was open, in milliseconds. */
  get startedInMs(): number {
    return this.#startedAt;
  }

  /** Starts it on its folder; resolves when it is open. */
  async open(): Promise<void> {
    const options: ChildOptions = { dataFolder: this.folder, port: this.port, overrides: this.#overrides };
    const begun = performance.now();
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.on("message", (message) => {
        if ((message as ChildNews).news === "open") resolve();
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`The shop ended before it was open: ${code ?? signal}.`)));
    });
    this.#startedAt = performance.now() - begun;
  }

  /** Whether it has ended, by whatever cause. */
  get isDead(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it has ended. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.isDead) return;
    await new Promise((resolve) => child.once("exit", resolve));
  }

  /** Ends it as a power cut of the process would: it learns nothing of it. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.ended();
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    if (this.isDead) return;
    this.#child?.send({ order: "stop" } satisfies ChildOrder);
    await this.ended();
  }

  /** Lets it die at the worst moment: when a transaction with this label is durable, and nobody knows. */
  async dieAfter(label: string): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.isDead) throw new Error("It is dead already.");
    const armed = new Promise<void>((resolve) => {
      child.on("message", (message) => {
        if ((message as ChildNews).news === "armed") resolve();
      });
    });
    child.send({ order: "dieAfter", label } satisfies ChildOrder);
    await armed;
  }

  /** Its databases, read beside it or after it. */
  data(): ShopData {
    return openShopData(this.folder, SERVICES);
  }

  /** Resolves when nothing is under way any more. @throws after `timeoutMs`, telling what is. */
  async settle(timeoutMs: number): Promise<void> {
    const givenUpAt = performance.now() + timeoutMs;
    for (let quiet = 0; quiet < 2;) {
      using data = this.data();
      const left = underWay(data, LISTENERS);
      quiet = left.length === 0 ? quiet + 1 : 0;
      if (quiet === 0 && performance.now() > givenUpAt)
        throw new Error(`It does not come to rest: ${left.join("; ")}.`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  /** What is broken in its databases. */
  async check(options: CheckOptions = {}): Promise<readonly Violation[]> {
    using data = this.data();
    return await checkShop(data, { listeners: LISTENERS, ...options });
  }

  /** What it logged as a warning or an error, and how often. */
  complaints(): ReadonlyMap<string, number> {
    const path = join(this.folder, "shop.log");
    const counts = new Map<string, number>();
    for (const line of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
      if (line === "") continue;
      const { level, message, ...fields } = parsed(line);
      const about = ["operation", "step", "code", "job"]
        .flatMap((name) => fields[name] ?? [])
        .map(String)
        .join(" ");
      const what = `${String(level)}: ${String(message)} ${about}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (process.env["CHAOS_KEEP"] === undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A record of the log; the last one may have been cut by a kill. */
function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { level: "cut", message: line.slice(0, 80) };
  }
}
