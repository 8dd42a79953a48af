/** Least privilege in Redis: what each user needs works through the adapters; what is another's is tried, and refused. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@redis/client";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { startRedis } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { type RedisLogin, REDIS_OPERATOR, loadRedisScripts, openRedisAs, redisUserOf, redisUsers } from "./mod.ts";

const passwordOf = (party: string): string => `the password of ${party}`.replaceAll(" ", "-");
const SYSTEM = "the shop *";
const users = {
  system: SYSTEM,
  operator: { password: passwordOf(REDIS_OPERATOR) },
  gateway: { password: passwordOf("gateway") },
  services: [
    { service: "auth", password: passwordOf("auth"), shares: false, revokes: true },
    { service: "cart", password: passwordOf("cart"), shares: true, revokes: false },
    { service: "desk", password: passwordOf("desk"), shares: true, revokes: false },
    { service: "mail", password: passwordOf("mail"), shares: false, revokes: false },
  ],
};
const folder = mkdtempSync(join(tmpdir(), "isomer-redis-users-"));
const server = await startRedis({
  folder,
  password: users.operator.password,
  users: (version) => ({ lines: redisUsers({ ...users, version }), operator: REDIS_OPERATOR }),
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});
if (server !== undefined) await loadRedisScripts(server.url);

const skip = server === undefined ? "redis-server is not installed: apt-get install redis-server" : false;
const url = `redis://127.0.0.1:${server?.port}`;
const clock = systemClock();
const hour = (): number => clock.now() + 3_600_000;

const loginOf = (workload: string, secrets: RedisLogin["secrets"]): RedisLogin => ({
  user: workload === "gateway" ? workload : redisUserOf(workload),
  password: passwordOf(workload),
  secrets,
});
const LOGINS: Readonly<Record<string, RedisLogin>> = {
  auth: loginOf("auth", { revocations: "the secret of what is revoked" }),
  cart: loginOf("cart", { answers: "the secret of cart's answers" }),
  desk: loginOf("desk", { answers: "the secret of desk's answers" }),
  gateway: loginOf("gateway", { revocations: "the secret of what is revoked", rates: "the secret of counts" }),
};

/** A process with these workloads. Questions have long, because the machine may be busy. */
function host(...workloads: readonly string[]) {
  const logins = new Map(Object.entries(LOGINS).filter(([workload]) => workloads.includes(workload)));
  const made = { url, system: SYSTEM, clock, random: systemRandom(), log: silentLogger, askMs: 10_000 };
  return openRedisAs({ ...made, logins });
}

async function upHost(...workloads: readonly string[]) {
  const shared = host(...workloads);
  while (!shared.isUp) await pause(5);
  return shared;
}

/** What Redis answers to a command of a user: a text for a refusal. */
async function tryAs(workload: string, ...command: readonly string[]): Promise<unknown> {
  const { user, password } =
    workload === REDIS_OPERATOR
      ? { user: workload, password: users.operator.password }
      : (LOGINS[workload] ?? assert.fail());
  const client = createClient({ url, username: user, password, disableClientInfo: true, RESP: 2 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await client.sendCommand([...command]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.destroy();
  }
}

void describe("a user of Redis", { skip }, () => {
  test("of a service shares its answers with its replicas", async () => {
    const [here, there] = [await upHost("desk"), await upHost("desk", "cart")];
    here.answersOf("desk")?.put("price", "5", 60_000);
    const answers = there.answersOf("desk");
    while ((await answers?.get("price")) === undefined) await pause(5);
    assert.equal((await answers?.get("price"))?.value, "5");
    assert.equal(await there.answersOf("cart")?.get("price"), undefined);
    assert.equal(there.answersOf("auth"), undefined);
    assert.equal(there.revocations, undefined);
    assert.equal(there.limiter, undefined);
    here.close();
    there.close();
  });

  test("of gateways counts for all of them, and hears what a service revokes", async () => {
    const [one, two, auth] = [await upHost("gateway"), await upHost("gateway"), await upHost("auth")];
    const [here, there] = [one, two].map(({ limiter }) => limiter?.("address", { limit: 4, windowMs: 3_600_000 }));
    const take = async (of: typeof here) => (await of?.take("ada", 1, clock.monotonicMs()))?.allowed;
    const told = [await take(here), await take(there), await take(here), await take(there), await take(here)];
    assert.deepEqual(told, [true, true, true, true, false]);
    assert.equal(await take(there), false);
    await auth.revocations?.revoke([{ id: "session/1", untilMs: hour() }]);
    while (one.revocations?.isRevoked("session/1") !== true) await pause(5);
    await assert.rejects(async () => await one.revocations?.revoke([{ id: "session/2", untilMs: hour() }]));
    for (const shared of [one, two, auth]) shared.close();
  });

  test("may not what is another's", async () => {
    const refused: readonly (readonly [string, ...string[]])[] = [
      ["desk", "GET", "isomer:the%20shop%20%2A:answer:cart:x"],
      ["desk", "SET", "isomer:the%20shop%20%2A:answer:cart:x", "1"],
      ["desk", "SET", "isomer:other:answer:desk:x", "1"],
      ["desk", "SET", `isomer:${SYSTEM}:answer:desk:x`, "1"],
      ["desk", "GET", "isomer:the%20shop%20%2A:rate:address:x"],
      ["desk", "GET", "isomer:the%20shop%20%2A:revoked-mark"],
      ["desk", "SET", "isomer:the%20shop%20%2A:revoked-mark", "1"],
      ["desk", "DEL", "isomer:the%20shop%20%2A:answer:desk:x"],
      ["auth", "SET", "isomer:the%20shop%20%2A:answer:desk:x", "1"],
      ["auth", "SET", "isomer:the%20shop%20%2A:rate:address:x", "1"],
      ["gateway", "SET", "isomer:the%20shop%20%2A:answer:desk:x", "1"],
      ["gateway", "GET", "isomer:the%20shop%20%2A:answer:desk:x"],
      ["gateway", "SET", "isomer:the%20shop%20%2A:revoked-mark", "1"],
      ["gateway", "ZADD", "isomer:the%20shop%20%2A:revoked", "1", "x"],
      ["operator", "GET", "isomer:the%20shop%20%2A:revoked-mark"],
      ["operator", "SET", "isomer:the%20shop%20%2A:answer:desk:x", "1"],
    ];
    for (const [workload, ...command] of refused) {
      const told = String(await tryAs(workload, ...command));
      assert.match(told, /^NOPERM|has no permissions/, `${workload}: ${command.join(" ")}`);
    }
  });

  test("lists no names, hears no channels, sends no scripts, and changes nothing of the server", async () => {
    const commands = [
      ["KEYS", "*"],
      ["SCAN", "0"],
      ["SUBSCRIBE", "isomer"],
      ["PUBLISH", "isomer", "x"],
      ["EVAL", "return 1", "0"],
      ["SCRIPT", "LOAD", "return 1"],
      ["SCRIPT", "FLUSH"],
      ["FLUSHALL"],
      ["CONFIG", "GET", "*"],
      ["ACL", "LIST"],
      ["MONITOR"],
      ["SHUTDOWN"],
    ];
    for (const workload of Object.keys(LOGINS)) {
      for (const command of commands)
        assert.match(
          String(await tryAs(workload, ...command)),
          /NOPERM|has no permissions/,
          `${workload}: ${command.join(" ")}`,
        );
    }
  });

  test("does by a script no more than without", async () => {
    const client = createClient({ url: server?.url ?? "", disableClientInfo: true });
    client.on("error", () => undefined);
    await client.connect();
    const digest = String(await client.scriptLoad('return redis.call("SET", ARGV[1], "1")'));
    client.destroy();
    const told = await tryAs("gateway", "EVALSHA", digest, "0", "isomer:the%20shop%20%2A:revoked-mark");
    assert.match(String(told), /NOPERM|can.t access at least one of the keys/);
    assert.match(String(await tryAs("desk", "EVALSHA", digest, "0", "x")), /NOPERM|has no permissions/);
  });

  test("is nobody without a password, or who has nothing to do there", async () => {
    const logins = [
      {},
      { username: "default", password: passwordOf("desk") },
      { username: redisUserOf("mail"), password: passwordOf("mail") },
      { username: redisUserOf("cart"), password: passwordOf("desk") },
    ];
    for (const login of logins) {
      const client = createClient({ url, ...login, disableClientInfo: true, socket: { reconnectStrategy: false } });
      client.on("error", () => undefined);
      await assert.rejects(
        client.connect().then(() => client.get("x")),
        /NOAUTH|WRONGPASS/,
        JSON.stringify(login),
      );
      if (client.isOpen) client.destroy();
    }
  });

  test("has its password in no file and no argument of the server", () => {
    const settings = readFileSync(join(folder, "redis.conf"), "utf8");
    const given = readFileSync(`/proc/${server?.program.pid}/cmdline`, "utf8");
    for (const text of [settings, given]) assert.doesNotMatch(text, /the-password/);
  });

  test("may read and write where an older Redis knows no right to read only", () => {
    const [, , gateway = ""] = redisUsers({ ...users, version: 6 });
    assert.match(gateway, / ~isomer:the%20shop%20%2A:revoked /);
    assert.doesNotMatch(redisUsers({ ...users, version: 6 }).join("\n"), /%R/);
  });
});
