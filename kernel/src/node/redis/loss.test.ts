/** Redis is lost under use, and comes back: nobody waits, nothing fails, and what it knew is known again. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Metrics } from "../../observe/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { startRedis } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { RevocationUnshared, openRedis } from "./mod.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-redis-loss-"));
const server = await startRedis({ folder });
after(async () => {
  server?.program.signal("SIGCONT");
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const skip = server === undefined ? "redis-server is not installed: apt-get install redis-server" : false;
const clock = systemClock();
const LIMIT = { limit: 10, windowMs: 3_600_000 };

function open() {
  const metrics = new Metrics();
  const shared = openRedis({
    url: server?.url ?? "",
    system: "loss",
    secret: "a secret of this test",
    clock,
    random: systemRandom(),
    log: silentLogger,
    metrics,
  });
  return { shared, metrics };
}

/** Uses everything once, as a request would. What it takes from the limit is of a key of its own. */
async function use({ answersOf, revocations, limiter }: ReturnType<typeof openRedis>, key: string) {
  const answers = answersOf("desk");
  assert.ok(answers);
  answers.put(`answer\n${key}`, "1", 60_000);
  const decision = await limiter("use", LIMIT).take(key, 1, clock.monotonicMs());
  return { answer: await answers.get(`answer\n${key}`), isAllowed: decision.allowed, was: revocations.isRevoked(key) };
}

/** How many questions were waited for in vain. */
const lateIn = (metrics: Metrics): number =>
  Number(/asked\S*outcome="late"\S* (\d+)/.exec(metrics.toPrometheus())?.[1]);

const isUp = async ({ shared }: { shared: ReturnType<typeof openRedis> }): Promise<void> => {
  for (let round = 0; !shared.isUp; round += 1) {
    // A breaker closes only under use.
    await use(shared, `until-up-${round}`);
    await pause(20);
  }
};

void describe("when Redis is lost", { skip }, () => {
  for (const how of ["killed", "stopped in its tracks"] as const) {
    test(`${how}, requests go on, and it counts again when it is back`, async () => {
      const [here, there] = [open(), open()];
      await Promise.all([isUp(here), isUp(there)]);
      const session = { id: `session/${how}`, untilMs: clock.now() + 3_600_000 };
      await here.shared.revocations.revoke([session]);
      while (!there.shared.revocations.isRevoked(session.id)) await pause(10);
      if (how === "killed") await server?.stop("SIGKILL");
      else server?.program.signal("SIGSTOP");
      for (let round = 0; round < 200; round += 1) {
        const { answer, isAllowed } = await use(here.shared, `${how}-${round}`);
        assert.equal(answer, undefined);
        assert.equal(isAllowed, true);
      }
      assert.equal(here.shared.isUp, false);
      assert.ok(lateIn(here.metrics) < 50, "most of 600 questions were not even asked");
      const limiter = here.shared.limiter("fallback", LIMIT);
      const told = [];
      for (let taken = 0; taken < 12; taken += 1) told.push(await limiter.take(how, 1, clock.monotonicMs()));
      assert.equal(told.filter(({ allowed }) => allowed).length, 10, "each gateway still keeps the limit by itself");
      assert.equal(there.shared.revocations.isRevoked(session.id), true, "what was known still counts");
      const late = { id: `session/late ${how}`, untilMs: clock.now() + 3_600_000 };
      await assert.rejects(here.shared.revocations.revoke([late]), RevocationUnshared.is);
      assert.equal(here.shared.revocations.isRevoked(late.id), true, "here it is known at once");
      if (how === "killed") await server?.restart();
      else server?.program.signal("SIGCONT");
      await Promise.all([isUp(here), isUp(there)]);
      // Told again, as whoever revokes does.
      while (
        await here.shared.revocations.revoke([late]).then(
          () => false,
          () => true,
        )
      )
        await pause(20);
      while (!there.shared.revocations.isRevoked(late.id)) await pause(10);
      here.shared.answersOf("desk")?.put(`back ${how}`, "1", 60_000);
      while ((await there.shared.answersOf("desk")?.get(`back ${how}`)) === undefined) {
        here.shared.answersOf("desk")?.put(`back ${how}`, "1", 60_000);
        await pause(20);
      }
      here.shared.close();
      there.shared.close();
    });
  }

  test("never there at all, everything works by itself", async () => {
    const shared = openRedis({
      url: "redis://127.0.0.1:1",
      system: "loss",
      secret: "a secret of this test",
      clock,
      random: systemRandom(),
      log: silentLogger,
    });
    assert.deepEqual(await use(shared, "a"), { answer: undefined, isAllowed: true, was: false });
    shared.close();
  });
});
