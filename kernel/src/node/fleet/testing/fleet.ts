/** A fleet of fake hosts for tests, in a folder of its own, that is gone afterwards. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../clock.ts";
import { freePorts } from "../../engines/mod.ts";
import { type Engine, type FleetEngines, noEngines } from "../engine.ts";
import { defaultPlacement } from "../placement.ts";
import { Supervisor, type SupervisorOptions } from "../supervisor.ts";
import type { Misbehaviour } from "./fake-host.ts";

/** The entry of fake hosts. */
export const FAKE_HOST: string = fileURLToPath(new URL("fake-host.ts", import.meta.url));

/** How long a test waits for something, at most, in milliseconds. */
const PATIENCE_MS = 30_000;

/** A supervisor over fake hosts, and what it said. */
export interface FakeFleet {
  readonly folder: string;
  readonly supervisor: Supervisor;
  readonly said: string[];
  /** The port of the first gateway. */
  readonly port: number;
  /** What hosts and engines noted, oldest first. */
  diary(): readonly string[];
}

/** What is wrong with which service or label, and anything else of the supervisor. */
export type FakeFleetOptions = Partial<SupervisorOptions> & {
  readonly services?: readonly string[];
  readonly wrong?: Readonly<Record<string, Misbehaviour>>;
  readonly gateways?: number;
};

/** A folder for a test. */
export function fleetFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "isomer-fleet-"));
  context.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A supervisor that is not started yet; the test's end kills it. */
export async function fakeFleet(context: TestContext, options: FakeFleetOptions = {}): Promise<FakeFleet> {
  const folder = options.folder ?? fleetFolder(context);
  const { services = ["orders", "cart"], wrong = {}, gateways = 1, ...rest } = options;
  const port = await freePorts(2);
  const said: string[] = [];
  const supervisor = new Supervisor({
    folder,
    system: { name: "Fakes", services },
    placement: { ...defaultPlacement(services), gateways: { replicas: gateways, port } },
    build: { entry: FAKE_HOST, label: "v1" },
    engines: noEngines,
    clock: systemClock(),
    environment: { FAKE_HOST: JSON.stringify(wrong) },
    say: (text) => said.push(text),
    ...rest,
  });
  context.after(async () => {
    supervisor.kill();
    await supervisor.stopped;
  });
  return { folder, supervisor, said, port, diary: () => diaryOf(folder) };
}

/** The lines that hosts and engines noted. */
export function diaryOf(folder: string): readonly string[] {
  try {
    return readFileSync(`${folder}/diary.txt`, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) assert.fail(`It never came to be that ${what}.`);
    await pause(10);
  }
}

/** The instances of a group that are ready. */
export function readyOf({ supervisor }: FakeFleet, group: string): readonly string[] {
  const rows = supervisor.snapshot().rows.filter((row) => row.group === group && row.state === "ready");
  return rows.map(({ instance }) => instance);
}

/** A server that only notes when it is started and stopped. */
export function fakeEngines(note: (text: string) => void): FleetEngines & { readonly all: readonly [FakeEngine] } {
  return { ...noEngines, all: [new FakeEngine(note)] };
}

/** An engine that is no process. */
export class FakeEngine implements Engine {
  readonly name = "postgres";
  readonly address = "127.0.0.1:1";
  readonly pid = undefined;
  readonly #note: (text: string) => void;
  isRunning = false;

  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  start(): Promise<void> {
    this.#note("engine starts");
    this.isRunning = true;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    if (this.isRunning) this.#note("engine stops");
    this.isRunning = false;
    return Promise.resolve();
  }

  kill(): void {
    this.isRunning = false;
  }
}
