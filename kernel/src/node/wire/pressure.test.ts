/** The wire under pressure: healthy peers that have much to say, and strangers who take what they can get. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect as connectPlain } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { after, describe, test } from "node:test";
import { connect } from "node:tls";
import { Metrics } from "../../observe/mod.ts";
import { serverNameOf } from "../../security/mod.ts";
import { type Logger, silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { NotStarted, wasNotStarted } from "../../transport/mod.ts";
import { WireServer } from "./mod.ts";
import { TRUST_DOMAIN } from "./testing/authority.ts";
import { authority, channelTo, clock, echo, envelopeOf, identity, until, withBench } from "./testing/bench.ts";

after(() => authority.close());

const big = "x".repeat(3.9 * 1024 * 1024);

/** A connection that says nothing, of nobody knows whom. */
function silentOne(port: number): Socket {
  const socket = connectPlain(port, "127.0.0.1");
  socket.on("error", () => {});
  return socket;
}

void describe("a burst of healthy peers", () => {
  void test("of 47 MiB of calls in one turn is carried out", async () => {
    await withBench(
      async ({ input }) => ({ output: (input as string).length, replayed: false }),
      async ({ send }) => {
        await send("x");
        const replies = await Promise.all(Array.from({ length: 12 }, () => send(big)));
        assert.ok(replies.every(({ output }) => output === big.length));
      },
    );
  });

  void test("of 47 MiB of answers in one turn arrives, whole", async () => {
    const release: (() => void)[] = [];
    const handle = async (): Promise<{ output: string; replayed: boolean }> => {
      await new Promise<void>((resolve) => release.push(resolve));
      return { output: big, replayed: false };
    };
    await withBench(handle, async ({ send }) => {
      const asked = Array.from({ length: 12 }, (_, n) => send(n));
      await until(() => release.length === 12);
      for (const go of release) go();
      const replies = await Promise.all(asked);
      assert.ok(replies.every(({ output }) => output === big));
    });
  });

  void test("of more answers than may wait gives some of them up, and the connection goes on", async () => {
    const release: (() => void)[] = [];
    const handle = async ({ input }: { input: unknown }): Promise<{ output: unknown; replayed: boolean }> => {
      if (input === "small") return { output: 1, replayed: false };
      await new Promise<void>((resolve) => release.push(resolve));
      return { output: big, replayed: false };
    };
    await withBench(handle, async ({ server, send }) => {
      const asked = Array.from({ length: 24 }, (_, n) => send(n));
      const ended = Promise.allSettled(asked);
      await until(() => release.length === 24);
      for (const go of release) go();
      const outcomes = await ended;
      const dropped = outcomes.filter((each) => each.status === "rejected").map(({ reason }) => reason as Error);
      assert.ok(dropped.length > 0 && dropped.length <= 12, String(dropped.length));
      assert.ok(dropped.every((error) => (error as { code?: string }).code === "wire/reply-dropped"));
      assert.equal((await send("small")).output, 1);
      assert.equal(server.load.connections, 1);
    });
  });
});

void describe("strangers", () => {
  void test("who only connect take no place of a caller, and are told of with measure", async () => {
    const metrics = new Metrics();
    const lines: string[] = [];
    const line = (message: string): void => void lines.push(message);
    const log: Logger = { ...silentLogger, info: line, warn: line, with: () => log };
    await withBench(
      echo,
      async ({ server, send }) => {
        const held = Array.from({ length: 120 }, () => silentOne(server.port));
        const dropped = (): number =>
          metrics.counter("isomer.door.refused", "", ["door", "stage"]).with({ door: "wire", stage: "handshake" })
            .value;
        await until(() => dropped() >= 100);
        assert.equal((await send(1)).output, 1);
        assert.equal(metrics.gauge("isomer.door.connections", "", ["door"]).with({ door: "wire" }).value, 1);
        assert.ok(metrics.gauge("isomer.door.handshakes", "", ["door"]).with({ door: "wire" }).value <= 16);
        assert.ok(lines.length <= 50, String(lines.length));
        for (const socket of held) socket.destroy();
      },
      { server: { handshakesMax: 16, connectionsMax: 1, metrics, log } },
    );
  });

  void test("who speak stay longer than those who do not", async () => {
    await withBench(
      echo,
      async ({ server }) => {
        const speaking = silentOne(server.port);
        let isCut = false;
        speaking.on("close", () => (isCut = true));
        // The beginning of a handshake.
        speaking.write(Uint8Array.of(0x16, 0x03, 0x01, 0x10, 0x00));
        await once(speaking, "connect");
        const others = Array.from({ length: 3 }, () => silentOne(server.port));
        await until(() => server.load.handshakes === 4);
        const more = Array.from({ length: 3 }, () => silentOne(server.port));
        await Promise.all(others.map((socket) => once(socket, "close")));
        assert.equal(isCut, false);
        for (const socket of [speaking, ...more]) socket.destroy();
      },
      { server: { handshakesMax: 4 } },
    );
  });

  void test("cannot draw out the hello by a slow handshake: its time begins with the connection", async () => {
    const manual = new ManualClock(Date.now());
    const server = await WireServer.listen({
      ...{ identity, clock: manual, log: silentLogger, handle: echo, timing: { helloMs: 5_000 } },
    });
    const socket = silentOne(server.port);
    await until(() => server.load.handshakes === 1);
    await manual.advance(4_000);
    const { privateKey: key, certificateChain: cert, trustBundle: ca } = identity.credentials("service/caller");
    const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" });
    const secure = connect({
      ...{ socket, servername, key, cert, ca, ALPNProtocols: ["isomer/1"], checkServerIdentity: () => undefined },
    });
    secure.on("error", () => {});
    await until(() => server.load.connections === 1);
    await manual.advance(999);
    assert.equal(server.load.connections, 1);
    await manual.advance(1);
    assert.equal(server.load.connections, 0);
    secure.destroy();
    await server.close();
  });
});

void describe("a peer that is known", () => {
  void test("has so many connections and no more; others have theirs", async () => {
    const own = authority.identity("service/callee", "service/caller", "service/other");
    await withBench(
      echo,
      async ({ server, send }) => {
        await send(1);
        const second = channelTo(server.port);
        await second.send(envelopeOf(2), undefined);
        const third = channelTo(server.port);
        await assert.rejects(third.send(envelopeOf(3), undefined), wasNotStarted);
        const other = channelTo(server.port, { identity: own, own: "service/other" });
        assert.equal((await other.send(envelopeOf(4), undefined)).output, 4);
        second.destroy();
        await until(() => server.load.connections === 2);
        const fourth = channelTo(server.port);
        assert.equal((await fourth.send(envelopeOf(5), undefined)).output, 5);
        for (const channel of [third, other, fourth]) channel.destroy();
      },
      { server: { connectionsPerPeerMax: 2, identity: own }, channel: { identity: own } },
    );
  });

  void test("learns of a drain that began before its hello, and its server waits for nobody", async () => {
    const quiet = new ManualClock();
    const server = await WireServer.listen({ identity, clock: { ...quietly(quiet) }, log: silentLogger, handle: echo });
    let drains = 0;
    const channel = channelTo(server.port, { onDrain: () => (drains += 1) });
    const called = channel.send(envelopeOf(1), undefined);
    called.catch(() => {});
    // Each turn is looked at: a handshake takes a few of them, and would be over before a slower look.
    while (server.load.handshakes === 0) await turn();
    // Its timers never come: nothing but the caller ends the connection.
    let isDrained = false;
    const draining = server.drain().then(() => (isDrained = true));
    try {
      await until(() => isDrained);
      await assert.rejects(called, (error) => NotStarted.is(error) && error.data.reason.startsWith("draining"));
      assert.equal(drains, 1);
    } finally {
      channel.destroy();
      await draining;
    }
  });
});

/** A clock whose moments pass and whose timers stand still. */
function quietly(still: ManualClock): typeof clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, action) => still.after(delayMs, action),
    soon: (action) => clock.soon(action),
  };
}
