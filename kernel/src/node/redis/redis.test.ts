/** What hosts share through a real Redis: the suites of the ports, and what is in it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@redis/client";
import { answersConformance } from "../../guard/testing/answers-conformance.ts";
import { ratesConformance } from "../../guard/testing/rates-conformance.ts";
import { revocationsConformance } from "../../guard/testing/revocations-conformance.ts";
import type { Clock } from "../../std/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { startRedis } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { RedisAnswers } from "./answers.ts";
import { RedisLink } from "./link.ts";
import { RedisNames } from "./names.ts";
import { RedisRates } from "./rates.ts";
import { RedisRevocations } from "./revocations.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-redis-"));
const server = await startRedis({ folder });
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const SECRET = "a secret of this test";
const clock = systemClock();
let systems = 0;

/** Two hosts' links, and names that no other case uses. Questions have long, because the machine may be busy. */
async function hosts() {
  const options = { url: server?.url ?? "", clock, random: systemRandom(), log: silentLogger, askMs: 10_000 };
  const links = [new RedisLink(options), new RedisLink(options)] as const;
  for (const link of links) while (!link.isUp) await pause(5);
  systems += 1;
  const close = async () => {
    for (const link of links) link.close();
  };
  return { links, names: new RedisNames(`test${systems}`, SECRET), close };
}

if (server === undefined) {
  void test("Redis", { skip: "redis-server is not installed: apt-get install redis-server" });
} else {
  answersConformance("in Redis", async () => {
    const { links, names, close } = await hosts();
    const [here, there] = [new RedisAnswers(links[0], names, "desk"), new RedisAnswers(links[1], names, "desk")];
    return { here, there, pass: (ms) => pause(ms), close };
  });

  ratesConformance("in Redis", async () => {
    const { links, names, close } = await hosts();
    let now = Date.now();
    let made = 0;
    return {
      make(options) {
        made += 1;
        const of = { ...options, name: `limit${made}`, nowMs: () => now };
        return { here: new RedisRates(links[0], names, of), there: new RedisRates(links[1], names, of) };
      },
      async pass(ms) {
        now += ms;
      },
      close,
    };
  });

  revocationsConformance("in Redis", async () => {
    const { links, names, close } = await hosts();
    let offsetMs = 0;
    const moved: Clock = { ...clock, now: () => clock.now() + offsetMs };
    const [here, there] = [new RedisRevocations(links[0], names, moved), new RedisRevocations(links[1], names, moved)];
    return {
      here,
      there,
      now: () => moved.now(),
      async pass(ms) {
        offsetMs += ms;
      },
      heard: () => pause(10),
      async close() {
        here.close();
        there.close();
        await close();
      },
    };
  });

  void describe("in Redis", () => {
    test("there is no name that tells of whom or what it is", async () => {
      const { links, names, close } = await hosts();
      const [link] = links;
      const answers = new RedisAnswers(link, names, "desk");
      answers.put("users.byMail\nada@example.com", '"x"', 60_000);
      const limit = { limit: 5, windowMs: 60_000, name: "address" };
      await new RedisRates(link, names, limit).take("192.0.2.7", 1);
      const revocations = new RedisRevocations(link, names, clock);
      await revocations.revoke([{ id: "session/0198", untilMs: clock.now() + 60_000 }]);
      revocations.close();
      while ((await answers.get("users.byMail\nada@example.com")) === undefined);
      const client = await createClient({ url: server.url }).connect();
      const all = await client.keys(`${names.plain("")}*`);
      const members = await client.zRange(names.plain("revoked"), 0, -1);
      const lives = await Promise.all(all.map((name) => client.pTTL(name)));
      client.destroy();
      assert.equal(all.length, 4);
      assert.doesNotMatch([...all, ...members].join("\n"), /ada|192\.0|0198/);
      const unbounded = all.filter((_, at) => (lives[at] ?? -1) < 0);
      assert.deepEqual(unbounded, [names.plain("revoked-mark")], "everything else is forgotten by itself");
      await close();
    });

    test("an answer that somebody else wrote is none", async () => {
      const { links, names, close } = await hosts();
      const answers = new RedisAnswers(links[0], names, "desk");
      answers.put("price", '{"amount":5}', 60_000);
      answers.put("other", '{"amount":1}', 60_000);
      while ((await answers.get("other")) === undefined);
      const client = await createClient({ url: server.url }).connect();
      const sealedForOther = (await client.get(names.hidden("answer:desk", "other"))) ?? "";
      for (const forged of ['{"amount":1}', "", sealedForOther]) {
        await client.set(names.hidden("answer:desk", "price"), forged, { expiration: { type: "PX", value: 60_000 } });
        assert.equal(await answers.get("price"), undefined);
      }
      client.destroy();
      await close();
    });

    test("what one service was told, another does not get", async () => {
      const { links, names, close } = await hosts();
      const [desk, till] = ["desk", "till"].map((service) => new RedisAnswers(links[0], names, service));
      desk?.put("price", "1", 60_000);
      while ((await desk?.get("price")) === undefined);
      assert.equal(await till?.get("price"), undefined);
      await close();
    });

    test("whoever does not know the password gets nothing", async () => {
      const socket = createConnection({ port: server.port, host: "127.0.0.1" });
      socket.write("GET x\r\n");
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.match(answer.toString(), /^-NOAUTH/);
      socket.destroy();
    });
  });
}
