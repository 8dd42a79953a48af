/**
 * Processes that no supervisor runs, as in Kubernetes: found by DNS, listening where they are told, with certificates that
 * an authority of somebody else's writes.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { DnsServer } from "../discovery/testing/dns-server.ts";
import { findPostgres, findProgram, freePort } from "../engines/mod.ts";
import type { FleetEngines } from "../fleet/mod.ts";
import { type InstanceFile, writeFleetFile, writeInstanceFile } from "../fleet/fleet-file.ts";
import { systemRandom } from "../random.ts";
import { TRUST_DOMAIN, TestAuthority } from "../wire/testing/authority.ts";
import { localEngines } from "./engines.ts";
import { app } from "./testing/container-main.ts";

const ENTRY = fileURLToPath(new URL("testing/container-main.ts", import.meta.url));
const missing = [
  ...(findPostgres() === undefined ? ["postgresql"] : []),
  ...["nats-server", "redis-server", "openssl"].filter((program) => findProgram(program) === undefined),
];
const skip = missing.length === 0 ? false : `not installed: apt-get install ${missing.join(" ")}`;
/** Files are read again after five seconds, names are asked again after five. */
const HEARD_MS = 7_000;
const PATIENCE_MS = 60_000;

interface Answer {
  readonly pid: number;
  readonly user: string;
  readonly isProven: boolean;
}

describe("processes without a supervisor", { skip, timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "isomer-containers-"));
  chmodSync(folder, 0o711);
  const [authority, next] = [new TestAuthority(), new TestAuthority()];
  const running = new Map<string, ChildProcess>();
  let engines: FleetEngines;
  let dns: DnsServer;
  let [wirePort, gatewayPort] = [0, 0];

  before(async () => {
    [wirePort, gatewayPort] = [await freePort(), await freePort()];
    dns = await DnsServer.start();
    const [clock, random] = [systemClock(), systemRandom()];
    engines = await localEngines({ folder, system: app.system, clock, random, log: silentLogger });
    await Promise.all(engines.all.map((engine) => engine.start()));
    writeFleetFile(folder, {
      ...{ version: 1, system: "containers", trustDomain: TRUST_DOMAIN, zone: "local", gateways: [] },
      dns: { name: "{service}.shop.test", port: wirePort, servers: [dns.address] },
      engines: engines.describe(),
    });
    start("back-1", ["back"], "127.0.0.2");
    start("back-2", ["back"], "127.0.0.4");
    start("front-1", ["front"], "127.0.0.3");
    start("gateway-1", []);
    dns.add("front.shop.test", { type: "A", address: "127.0.0.3" });
    for (const address of ["127.0.0.2", "127.0.0.4"]) dns.add("back.shop.test", { type: "A", address });
    const from = new Set<number>();
    await until("both answer", async () => from.add((await ask(`k${Math.random()}`)).pid).size === 2);
  });
  after(async () => {
    for (const name of running.keys()) await end(name, "SIGKILL");
    for (const engine of engines?.all ?? []) await engine.stop();
    await dns?.close();
    for (const one of [authority, next]) one.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const workloadsOf = (services: readonly string[]): readonly string[] =>
    services.length === 0 ? ["gateway"] : services.map((name) => `service/${name}`);

  /** As cert-manager does, with the authorities that are trusted. */
  function certify(instance: string, services: readonly string[], by: TestAuthority, bundle: string): void {
    for (const path of workloadsOf(services)) {
      const own = join(folder, "identity", instance, path.replaceAll("/", "-"));
      mkdirSync(own, { recursive: true });
      const { certificateChain, privateKey } = by.issue(path);
      writeFileSync(join(own, "ca.crt"), bundle);
      writeFileSync(join(own, "tls.key"), privateKey);
      writeFileSync(join(own, "tls.crt"), certificateChain);
    }
  }

  function start(instance: string, services: readonly string[], host?: string): void {
    const isGateway = services.length === 0;
    certify(instance, services, authority, authority.bundle);
    const file: InstanceFile = {
      ...{ version: 1, instance, group: instance, services: [...services], label: "1", identityFiles: "secret" },
      ...{ identityFolder: join(folder, "identity", instance), dataFolder: folder },
      credentials: engines.credentialsOf(services, isGateway),
      ...(isGateway ? { gateway: { host: "127.0.0.1", port: gatewayPort } } : {}),
      ...(host === undefined ? {} : { wire: { host, port: wirePort } }),
    };
    writeInstanceFile(folder, file);
    begin(instance, services);
  }

  function begin(instance: string, services: readonly string[]): void {
    const what = services.length === 0 ? ["--gateway", "--port", String(gatewayPort)] : ["--services", services.join()];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, [ENTRY, "run", ...what, "--instance", instance, "--fleet", folder], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    running.set(instance, child);
  }

  async function end(instance: string, signal: NodeJS.Signals): Promise<void> {
    const child = running.get(instance);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async function ask(key: string): Promise<Answer> {
    const answer = await fetch(`http://127.0.0.1:${gatewayPort}/v1/where/${key}`, {
      headers: { authorization: "Bearer ada", connection: "close" },
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
    return JSON.parse(text) as Answer;
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    let last: unknown;
    const tell = (error: unknown): boolean => ((last = error), false);
    for (const givenUpAt = performance.now() + PATIENCE_MS; !(await isSo().catch(tell)); await pause(100))
      if (performance.now() > givenUpAt) throw new Error(`It does not come to it that ${what}.`, { cause: last });
  }

  /** Asks again and again while something is done. Every failure is told. */
  async function asking(action: () => Promise<void>): Promise<{ failures: string[]; asked: number }> {
    const failures: string[] = [];
    let [isOver, asked] = [false, 0];
    const client = async (): Promise<void> => {
      for (; !isOver; await pause(5)) {
        asked += 1;
        await ask(`k${asked % 50}`).catch((error: unknown) => failures.push(String(error)));
      }
    };
    const clients = [client(), client()];
    try {
      await action();
    } finally {
      isOver = true;
      await Promise.all(clients);
    }
    return { failures, asked };
  }

  test("find one another, keep a key to one process, and know who the user is by proof", async () => {
    const keys = Array.from({ length: 12 }, (_, n) => `key-${n}`);
    const ofKey = new Map<string, number>();
    for (let round = 0; round < 4; round += 1) {
      for (const key of keys) {
        const { pid, user, isProven } = await ask(key);
        assert.deepEqual([user, isProven], ["ada", true]);
        assert.equal(ofKey.get(key) ?? pid, pid, `${key} went elsewhere`);
        ofKey.set(key, pid);
      }
    }
    assert.equal(new Set(ofKey.values()).size, 2, "all keys went to one process");
  });

  test("take over from one authority to the next while calls go on", async () => {
    const all: readonly (readonly [string, readonly string[]])[] = [
      ["back-1", ["back"]],
      ["back-2", ["back"]],
      ["front-1", ["front"]],
      ["gateway-1", []],
    ];
    const both = authority.bundle + next.bundle;
    const steps = [
      { by: authority, bundle: both },
      { by: next, bundle: both },
      { by: next, bundle: next.bundle },
    ];
    const { failures, asked } = await asking(async () => {
      for (const { by, bundle } of steps) {
        for (const [instance, services] of all) certify(instance, services, by, bundle);
        await pause(HEARD_MS);
      }
    });
    assert.deepEqual(failures, []);
    assert.ok(asked > 200, `only ${asked} calls`);
  });

  test("lose no call when one is taken out of DNS and told to end", async () => {
    const gone = running.get("back-1")?.pid;
    const { failures } = await asking(async () => {
      dns.remove("back.shop.test", (record) => record.type === "A" && record.address === "127.0.0.2");
      await end("back-1", "SIGTERM");
      await pause(1_000);
    });
    assert.deepEqual(failures, []);
    assert.notEqual((await ask("key-1")).pid, gone);
    assert.equal(running.get("back-1")?.exitCode, 0);
  });

  test("go on while NATS is away, and are joined by one that starts then", async () => {
    const nats = engines.all.filter(({ name }) => name.startsWith("nats"));
    for (const server of nats) server.kill();
    await end("back-1", "SIGTERM");
    const { failures, asked } = await asking(async () => {
      begin("back-1", ["back"]);
      dns.add("back.shop.test", { type: "A", address: "127.0.0.2" });
      const pid = running.get("back-1")?.pid;
      await until("the new one answers", async () => (await ask(`k${Math.random()}`)).pid === pid);
    });
    assert.deepEqual(failures, []);
    assert.ok(asked > 10, `only ${asked} calls`);
  });
});
