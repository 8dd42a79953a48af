/** What was told while a host was down is heard before its sagas look at the time. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { anyone, command, contract, event } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { saga, signal } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import { Host, defineSystem, implement, subscribe } from "./mod.ts";

const Letter = t.object({ letter: t.text() });
const post = contract("post", {
  version: "1.0.0",
  commands: { send: command({ input: Letter, output: Letter, allow: [anyone] }) },
  events: { sent: event({ key: "letter", data: Letter }) },
});
const reader = contract("reader", {
  version: "1.0.0",
  commands: { expect: command({ input: Letter, output: Letter, allow: [anyone] }) },
});

interface Tables {
  none: { letter: string };
}
const arrived = signal("arrived", t.object({}));
const expecting = saga<Tables, never>()("expecting", {
  input: Letter,
  output: t.object({ came: t.boolean() }),
  run: async (s) => ({ came: (await s.wait("letter", arrived, { timeoutMs: 10_000 })) !== undefined }),
});

const system = defineSystem({
  name: "letters",
  services: [
    implement<Tables>()(post, {
      commands: {
        send: (input, ctx) =>
          ctx.transaction(async (tx) => {
            await tx.emit(post.events.sent, input);
            return input;
          }),
      },
      queries: {},
    }),
    implement<Tables>()(reader, {
      commands: {
        expect: (input, ctx) =>
          ctx.transaction(async (tx) => {
            await tx.start(expecting, input, input.letter);
            return input;
          }),
      },
      queries: {},
      on: [subscribe<Tables>()(post.events.sent, ({ data }, tx) => tx.signal(data.letter, arrived, {}))],
      sagas: [expecting],
    }),
  ],
  roles: {},
});

/** A host whose clock is ahead. */
async function withHost<T>(dataFolder: string, aheadMs: number, body: (host: Host) => Promise<T>): Promise<T> {
  const open = openWorld({ dataFolder, log: silentLogger });
  const { clock } = open.world;
  const world = { ...open.world, clock: { ...clock, now: () => clock.now() + aheadMs } };
  const host = await Host.start({ system, world, jobs: false });
  try {
    return await body(host);
  } finally {
    await host.stop();
    open.close();
  }
}

test("an answer that came while the host was down is in time, though the wait ran out meanwhile", async () => {
  const folder = await mkdtemp(join(tmpdir(), "isomer-catch-up-"));
  try {
    await withHost(folder, 0, async (host) => {
      await host.invoke({ service: "reader", operation: "expect", input: { letter: "a" } });
      await host.runner("reader").engine?.waitFor("a", 5_000);
      // The event is recorded, and not heard any more.
      await Promise.all(host.hearings.map((hearing) => hearing.stop()));
      await host.invoke({ service: "post", operation: "send", input: { letter: "a" } });
    });
    const view = await withHost(folder, 3_600_000, (host) =>
      Promise.resolve(host.runner("reader").engine?.waitFor("a", 5_000)),
    );
    assert.deepEqual([view?.status, view?.output], ["completed", { came: true }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
