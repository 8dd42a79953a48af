/** Redis of a local fleet: what processes are told lets each do its own, over restarts and after an upgrade. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@redis/client";
import { anyone, contract, query } from "../../contract/mod.ts";
import type { RateTaker } from "../../guard/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { defineSystem, implement } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { findProgram, freePort } from "../engines/mod.ts";
import type { FleetFile, InstanceFile } from "../fleet/mod.ts";
import { openShared } from "../fleet-host/mod.ts";
import { systemRandom } from "../random.ts";
import { passwordsOf } from "./passwords.ts";
import { redisEngine, redisLogins } from "./redis-engine.ts";

const skip = findProgram("redis-server") === undefined ? "redis-server is not installed" : false;
const clock = systemClock();
const Nothing = t.object({});
const kept = query({ input: Nothing, output: t.integer(), allow: [anyone], cache: { maxAgeMs: 1_000 } });
const pricing = contract("pricing", { version: "1.0.0", queries: { price: kept } });
const [auth, cart, mail] = ["auth", "cart", "mail"].map((name) => contract(name, { version: "1.0.0" }));
assert.ok(auth && cart && mail);
const system = defineSystem({
  name: "Isomer shop",
  roles: {},
  services: [
    implement()(pricing, { commands: {}, queries: { price: async () => 1 } }),
    implement()(auth, { revokes: true, commands: {}, queries: {} }),
    implement()(cart, { uses: [pricing], commands: {}, queries: {} }),
    implement()(mail, { uses: [], commands: {}, queries: {} }),
  ],
});

/** The server over a folder, with what processes are told. */
async function fleet(context: TestContext, prepare = (_folder: string, _port: number): void => {}) {
  const folder = mkdtempSync(join(tmpdir(), "isomer-redis-engine-"));
  const port = await freePort();
  prepare(folder, port);
  const [passwordOf, sealOf] = [passwordsOf(folder), passwordsOf(join(folder, "seals"))];
  const engine = redisEngine({ folder, ports: { redis: port }, system, passwordOf });
  context.after(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await engine.start();
  const told = (services: readonly string[], isGateway = false) =>
    redisLogins({ system, passwordOf, sealOf }, services, isGateway);
  const open = async (credentials: InstanceFile["credentials"], metrics = new Metrics()) => {
    const file = { system: system.name, engines: { redis: { url: `redis://127.0.0.1:${port}` } } } as FleetFile;
    const ports = { clock, random: systemRandom(), log: silentLogger };
    const shared = await openShared({ ...ports, metrics, fleet: file, instance: { credentials } as InstanceFile });
    context.after(() => shared?.close());
    return shared;
  };
  return { folder, port, engine, passwordOf, told, open };
}

/** Tells until it was taken: after a start of Redis it may need a moment. */
async function revoke({ revocations }: NonNullable<Awaited<ReturnType<typeof openShared>>>, id: string): Promise<void> {
  const untilMs = clock.now() + 3_600_000;
  const tell = async (): Promise<boolean> => {
    await revocations?.revoke([{ id, untilMs }]);
    return true;
  };
  while (!(await tell().catch(() => false))) await pause(10);
}

describe("Redis of a local fleet", { skip }, () => {
  test("tells each process of its own users only, and of none where there is nothing to do", async (context) => {
    const { told } = await fleet(context);
    assert.deepEqual(told(["mail", "pricing"]), {});
    const [forAuth, forCart, forGateway] = [told(["auth"]), told(["cart", "mail"]), told([], true)];
    assert.deepEqual([forAuth, forCart, forGateway].map(Object.keys), [["auth"], ["cart"], ["gateway"]]);
    assert.deepEqual(Object.keys(forAuth["auth"]?.secrets ?? {}), ["revocations"]);
    assert.deepEqual(Object.keys(forCart["cart"]?.secrets ?? {}), ["answers"]);
    assert.deepEqual(Object.keys(forGateway["gateway"]?.secrets ?? {}), ["revocations", "rates"]);
    assert.equal(forGateway["gateway"]?.secrets.revocations, forAuth["auth"]?.secrets.revocations);
    const all = Object.values({ ...forAuth, ...forCart, ...forGateway });
    const secrets = all.flatMap(({ password, secrets: of }) => [password, ...Object.values(of)]);
    assert.equal(new Set(secrets).size, 6, "none but the shared one stands twice");
  });

  test("makes seals from a secret of their own", async (context) => {
    const { folder } = await fleet(context);
    const [ofPasswords, ofSeals] = [join(folder, "secret"), join(folder, "seals", "secret")];
    assert.notEqual(readFileSync(ofPasswords, "utf8"), readFileSync(ofSeals, "utf8"));
  });

  test("lets services and gateways do what they do, also when it was killed and started again", async (context) => {
    const { told, open, engine } = await fleet(context);
    const metrics = new Metrics();
    const gateway = await open({ redisUsers: told([], true) }, metrics);
    const ofAuth = await open({ redisUsers: told(["auth"]) });
    const [ofCart, another] = await Promise.all(
      [told(["cart"]), told(["cart"])].map((redisUsers) => open({ redisUsers })),
    );
    assert.ok(gateway && ofAuth && ofCart && another);
    for (const round of ["first", "second"]) {
      await revoke(ofAuth, `session/${round}`);
      while (gateway.revocations?.isRevoked(`session/${round}`) !== true) await pause(10);
      const answers = ofCart.answersOf("cart");
      while ((await another.answersOf("cart")?.get(round)) === undefined) {
        answers?.put(round, "1", 60_000);
        await pause(10);
      }
      const limiter: RateTaker | undefined = gateway.limiter?.(round, { limit: 1, windowMs: 3_600_000 });
      await limiter?.take("ada", 1, clock.monotonicMs());
      assert.equal((await limiter?.take("ada", 1, clock.monotonicMs()))?.allowed, false);
      if (round === "first") {
        engine.kill();
        while (engine.isRunning) await pause(10);
        await engine.start();
      }
    }
    assert.match(metrics.toPrometheus(), /isomer_redis_asked\w*\{workload="gateway",outcome="answered"\} [1-9]/);
    assert.match(metrics.toPrometheus(), /isomer_redis_up\{workload="gateway"\} 1/);
  });

  test("starts over a folder of a fleet that had one password for all, and that password is good for nothing", async (context) => {
    const { folder, port, passwordOf, told, open } = await fleet(context, (folder, port) => {
      const password = passwordsOf(folder)("redis");
      mkdirSync(join(folder, "redis"));
      writeFileSync(join(folder, "redis", "redis.conf"), `port ${port}\nrequirepass ${password}\n`, { mode: 0o600 });
    });
    const shared = await open({ redisUsers: told(["auth"]) });
    assert.ok(shared);
    await revoke(shared, "session/1");
    const old = {
      url: `redis://:${passwordOf("redis")}@127.0.0.1:${port}`,
      socket: { reconnectStrategy: false as const },
    };
    const client = createClient(old);
    client.on("error", () => undefined);
    await assert.rejects(client.connect(), /WRONGPASS|NOAUTH/);
    assert.doesNotMatch(readFileSync(join(folder, "redis", "redis.conf"), "utf8"), /requirepass/);
  });
});
