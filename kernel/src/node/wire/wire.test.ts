/** The wire on sockets: who is let in, and that nothing is lost when connections end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { after, describe, test } from "node:test";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { DeadlineExceeded } from "../../guard/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { NotStarted, Unreachable, notStarted, wasNotStarted } from "../../transport/mod.ts";
import { type WireChannel, WireServer } from "./mod.ts";
import { pathOfServerName, serverNameOf } from "../../security/mod.ts";
import { TRUST_DOMAIN, TestAuthority, TestIdentity } from "./testing/authority.ts";
import {
  type Handle,
  authority,
  channelTo,
  clock,
  echo,
  envelopeOf,
  identity,
  until,
  withBench,
} from "./testing/bench.ts";
import type { WireCall } from "./wire-call.ts";

const stranger = new TestAuthority();
const callerOf = identity.credentials("service/caller");
after(() => {
  authority.close();
  stranger.close();
});

/** Connects by TLS, says nothing, and resolves with how the server ended it. */
async function endOf(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({
    ...{
      host: "127.0.0.1",
      port,
      servername: serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" }),
      ALPNProtocols: ["isomer/1"],
    },
    ...{ key: callerOf.privateKey, cert: callerOf.certificateChain, ca: callerOf.trustBundle },
    ...{ checkServerIdentity: () => undefined, ...options },
  });
  const said: Buffer[] = [];
  socket.on("data", (data: Buffer) => said.push(data));
  const error = once(socket, "error").then(([reason]) => String((reason as Error).message));
  const closed = once(socket, "close").then(() => `closed after ${Buffer.concat(said).length} bytes`);
  return Promise.race([error, closed]).finally(() => socket.destroy());
}

void describe("who is let in", () => {
  void test("nobody in clear text, and nobody is answered so", async () => {
    await withBench(echo, async ({ server }) => {
      const socket = connectPlain(server.port, "127.0.0.1");
      const said: Buffer[] = [];
      socket.on("data", (data: Buffer) => said.push(data));
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nhost: callee\r\n\r\n");
      await once(socket, "close");
      assert.ok(!Buffer.concat(said).includes("HTTP"));
      assert.equal(server.load.connections, 0);
    });
  });

  const wrong: Readonly<Record<string, ConnectionOptions>> = {
    "with another protocol": { ALPNProtocols: ["h2", "http/1.1"] },
    "without a protocol": { ALPNProtocols: [] },
    "by TLS 1.2": { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" },
    "without a certificate": { key: undefined, cert: undefined },
    "with a certificate of another authority": (() => {
      const { privateKey: key, certificateChain: cert } = stranger.issue("service/caller");
      return { key, cert };
    })(),
    "with a certificate that has ended": (() => {
      const { privateKey: key, certificateChain: cert } = authority.issue("service/caller", -1_000);
      return { key, cert };
    })(),
    "who asks for a workload that is not here": {
      servername: serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/other" }),
    },
    "who asks for no workload": { servername: "" },
  };
  for (const [title, options] of Object.entries(wrong)) {
    void test(`nobody ${title}`, async () => {
      await withBench(echo, async ({ server }) => {
        const ended = await endOf(server.port, options);
        assert.match(ended, /alert|closed after 0 bytes|ECONNRESET|disconnected/);
        assert.equal(server.load.connections, 0);
      });
    });
  }

  void test("nobody whose certificate breaks a rule of ours, though its authority is trusted", async () => {
    // A path that ends in a slash is no SPIFFE id.
    const bad = new TestIdentity(new Map([["service/caller", authority.issue("service/caller/")]]));
    await withBench(
      echo,
      async ({ server, send }) => {
        await assert.rejects(send(1), (error) => wasNotStarted(error) || Unreachable.is(error));
        assert.equal(server.load.connections, 0);
      },
      { channel: { identity: bad } },
    );
  });

  void test("nobody who takes up an earlier session: its certificate may have ended", async () => {
    await withBench(echo, async ({ server }) => {
      let session: Buffer | undefined;
      const options = {
        ...{
          host: "127.0.0.1",
          port: server.port,
          servername: serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" }),
        },
        ...{ key: callerOf.privateKey, cert: callerOf.certificateChain, ca: callerOf.trustBundle },
        ...{ ALPNProtocols: ["isomer/1"], checkServerIdentity: () => undefined },
      };
      const first: TLSSocket = connect(options);
      first.on("session", (offered: Buffer) => (session = offered));
      await once(first, "data");
      first.destroy();
      assert.ok(session !== undefined, "the server offers sessions");
      const second = connect({ ...options, session });
      let bytes = 0;
      second.on("data", (data: Buffer) => (bytes += data.length));
      second.on("error", () => {});
      await once(second, "close");
      assert.equal(bytes, 0);
    });
  });

  void test("a server that is another workload is not called, though its certificate is good", async () => {
    const other = new TestIdentity(new Map([["service/callee", authority.issue("service/other")]]));
    let calls = 0;
    const handle: Handle = async () => ({ output: (calls += 1), replayed: false });
    await withBench(
      handle,
      async ({ send }) => {
        await assert.rejects(send(1), (error) => NotStarted.is(error) && /service\/other/.test(error.data.reason));
        assert.equal(calls, 0);
      },
      { server: { identity: other } },
    );
  });

  void test("the peer is told to the handler by its certificate, not by what it says", async () => {
    const handle: Handle = async ({ caller }, peerId) => ({ output: [caller ?? null, peerId], replayed: false });
    await withBench(handle, async ({ send }) => {
      const { output } = await send(1, { caller: "impostor" });
      assert.deepEqual(output, ["impostor", `spiffe://${TRUST_DOMAIN}/service/caller`]);
    });
  });

  void test("names of servers and workloads lead to one another", () => {
    for (const path of ["service/orders", "gateway"])
      assert.equal(pathOfServerName(serverNameOf({ trustDomain: TRUST_DOMAIN, path }), TRUST_DOMAIN), path);
    for (const name of ["orders.service.other", "x", `a.b.service.${TRUST_DOMAIN}`, `operator.${TRUST_DOMAIN}`])
      assert.equal(pathOfServerName(name, TRUST_DOMAIN), undefined);
  });
});

void describe("connections that end", () => {
  void test("a server that drains finishes what it began, and every other call was certainly not started", async () => {
    const release: (() => void)[] = [];
    let started = 0;
    const handle: Handle = async ({ input }) => {
      started += 1;
      await new Promise<void>((resolve) => release.push(resolve));
      return { output: input, replayed: false };
    };
    let drains = 0;
    await withBench(
      handle,
      async ({ server, send }) => {
        const begun = [1, 2, 3].map((n) => send(n));
        await until(() => release.length === 3);
        const drained = server.drain();
        const late = [4, 5, 6].map((n) => send(n));
        for (const error of await Promise.allSettled(late))
          assert.ok(error.status === "rejected" && wasNotStarted(error.reason));
        assert.equal(drains, 1);
        for (const go of release) go();
        assert.deepEqual(
          (await Promise.all(begun)).map(({ output }) => output),
          [1, 2, 3],
        );
        await drained;
        assert.equal(started, 3);
      },
      { channel: { onDrain: () => (drains += 1) } },
    );
  });

  void test("no call fails while certificates and authorities are exchanged again and again", async () => {
    const own = authority.identity("service/callee", "service/caller");
    const seen = new Set<string>();
    const handle: Handle = async ({ input }, peer) => {
      seen.add(peer);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return { output: input, replayed: false };
    };
    await withBench(
      handle,
      async ({ server, send }) => {
        let isOver = false;
        let made = 0;
        const caller = async (): Promise<void> => {
          while (!isOver) {
            const n = (made += 1);
            assert.equal((await send(n)).output, n);
          }
        };
        const callers = Promise.all(Array.from({ length: 8 }, caller));
        for (let round = 0; round < 6; round += 1) {
          const before = made;
          const path = round % 2 === 0 ? "service/callee" : "service/caller";
          own.rotate(path, authority.issue(path));
          await until(() => made > before + 50);
        }
        isOver = true;
        await callers;
        assert.deepEqual([...seen], [`spiffe://${TRUST_DOMAIN}/service/caller`]);
        await until(() => server.load.connections <= 1);
      },
      { server: { identity: own }, channel: { identity: own } },
    );
  });

  void test("no call fails while one authority takes over from another", async () => {
    const next = new TestAuthority();
    const own = authority.identity("service/callee", "service/caller");
    const paths = ["service/callee", "service/caller"];
    const both = authority.bundle + next.bundle;
    const steps = [
      () => paths.map((path) => [path, { ...own.credentials(path), trustBundle: both }] as const),
      () => [["service/callee", { ...next.issue("service/callee"), trustBundle: both }] as const],
      () => [["service/caller", { ...next.issue("service/caller"), trustBundle: both }] as const],
      () => paths.map((path) => [path, { ...own.credentials(path), trustBundle: next.bundle }] as const),
    ];
    await withBench(
      echo,
      async ({ server, send }) => {
        for (const step of steps) {
          let isOver = false;
          const calling = (async () => {
            for (let n = 0; !isOver || n < 20; n += 1) assert.equal((await send(n)).output, n);
          })();
          for (const [path, credentials] of step()) {
            own.rotate(path, credentials);
            assert.equal((await send("now")).output, "now");
          }
          isOver = true;
          await calling;
        }
        const old = channelTo(server.port, { identity });
        await assert.rejects(old.send(envelopeOf(1), undefined), wasNotStarted);
        old.destroy();
      },
      { server: { identity: own }, channel: { identity: own } },
    );
    next.close();
  });

  for (const who of ["caller", "callee"] as const) {
    void test(`a connection is replaced when the ${who}'s certificate is`, async () => {
      const [ours, theirs] = [authority.identity("service/caller"), authority.identity("service/callee")];
      const credentials = theirs.credentials.bind(theirs);
      let handshakes = 0;
      theirs.credentials = (path) => {
        handshakes += 1;
        return credentials(path);
      };
      await withBench(
        echo,
        async ({ server, send }) => {
          await send(1);
          const before = handshakes;
          await send(2);
          assert.equal(handshakes, before);
          const path = `service/${who}`;
          (who === "caller" ? ours : theirs).rotate(path, authority.issue(path));
          for (let n = 0; handshakes === before; n += 1) {
            assert.ok(n < 1_000, "the old connection is still used");
            assert.equal((await send(n)).output, n);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          await until(() => server.load.connections === 1);
        },
        { server: { identity: theirs }, channel: { identity: ours } },
      );
    });
  }

  void test("a connection ends before the peer's certificate does", async () => {
    const own = authority.identity("service/callee", "service/caller");
    own.rotate("service/caller", authority.issue("service/caller", 3_000));
    await withBench(
      echo,
      async ({ server, send }) => {
        await send(1);
        const { expiresAt } = own.credentials("service/caller");
        await until(() => server.load.connections === 0);
        assert.ok(Date.now() < expiresAt);
      },
      { server: { identity: own }, channel: { identity: own } },
    );
  });

  void test("nobody knows of a call that was under way when the server died; the next one was not started", async () => {
    let begun = 0;
    const handle: Handle = () => {
      begun += 1;
      return new Promise(() => {});
    };
    await withBench(handle, async ({ server, send }) => {
      const lost = send(1);
      lost.catch(() => {});
      await until(() => begun === 1);
      await server.close();
      await assert.rejects(lost, Unreachable.is);
      await assert.rejects(send(2), (error) => NotStarted.is(error) && error.data.reason.startsWith("unreachable"));
    });
  });

  void test("a channel finds a server again that was away", async () => {
    await withBench(echo, async ({ server, channel, send }) => {
      await send(1);
      const { port } = server;
      await server.close();
      await assert.rejects(send(2));
      const again = await WireServer.listen({
        ...{ identity, clock, log: silentLogger, handle: echo, port },
      });
      let answer: unknown;
      for (let n = 0; answer === undefined && n < 500; n += 1) {
        answer = (await send(3).catch(() => undefined))?.output;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.equal(answer, 3);
      channel.destroy();
      await again.close();
    });
  });

  void test("a handler hears when its caller's process is gone", async () => {
    let call: WireCall | undefined;
    const handle: Handle = (came) => {
      call = came;
      return new Promise(() => {});
    };
    await withBench(handle, async ({ channel, send }) => {
      const sending = send(1);
      sending.catch(() => {});
      await until(() => call !== undefined);
      channel.destroy();
      await until(() => call?.signal?.aborted === true);
    });
  });

  void test("a callee that passes on that something was not started has itself been started", async () => {
    const handle: Handle = async () => {
      throw notStarted({ service: "further", reason: "down" });
    };
    await withBench(handle, async ({ send }) => {
      const error: unknown = await send(1).catch((thrown: unknown) => thrown);
      assert.deepEqual([NotStarted.is(error), wasNotStarted(error)], [true, false]);
    });
  });

  void test("a caller that gives up at once, or whose time is over, sends nothing", async () => {
    let calls = 0;
    const handle: Handle = async () => ({ output: (calls += 1), replayed: false });
    await withBench(handle, async ({ send }) => {
      await assert.rejects(send(1, { signal: AbortSignal.abort() }), Unreachable.is);
      await assert.rejects(send(1, { deadlineAt: clock.monotonicMs() - 1 }), DeadlineExceeded.is);
      await send(1);
      assert.equal(calls, 1);
    });
  });
});

void describe("peers that are slow or hostile", () => {
  void test("who says no hello is cut, whatever else it does", async () => {
    await withBench(
      echo,
      async ({ server }) => {
        const ended = endOf(server.port, {});
        await until(() => server.load.connections === 1);
        assert.match(await ended, /closed/);
        assert.equal(server.load.connections, 0);
      },
      { server: { timing: { helloMs: 100 } } },
    );
  });

  void test("who does not get on with the handshake is cut", async () => {
    await withBench(
      echo,
      async ({ server }) => {
        const socket = connectPlain(server.port, "127.0.0.1");
        socket.on("error", () => {});
        socket.write(Uint8Array.of(0x16, 0x03, 0x01));
        await once(socket, "close");
      },
      { server: { timing: { helloMs: 100 } } },
    );
  });

  void test("who reads nothing is not read from any more, and cut, with little kept for it", async () => {
    const big = "x".repeat(100_000);
    let calls = 0;
    const handle: Handle = async () => ({ output: ((calls += 1), big), replayed: false });
    const bounds = { highWaterBytes: 200_000, stallMs: 300 };
    await withBench(
      handle,
      async ({ server, channel, send }) => {
        await send("first");
        const [socket] = socketsOf(channel);
        assert.ok(socket !== undefined);
        socket.pause();
        const sending = Array.from({ length: 5_000 }, (_, n) => send(n).catch((error: unknown) => error));
        await until(() => server.load.connections === 0);
        // What the sockets of the system take, and what is under way at once, bound it.
        assert.ok(calls < 1_000, String(calls));
        socket.resume();
        channel.destroy();
        await Promise.all(sending);
      },
      { server: { bounds, limits: { callsMax: 64 } } },
    );
  });

  void test("who asks for too much at once is refused before anything is begun", async () => {
    const release: (() => void)[] = [];
    const handle: Handle = async () => {
      await new Promise<void>((resolve) => release.push(resolve));
      return { output: 1, replayed: false };
    };
    await withBench(
      handle,
      async ({ send }) => {
        const sending = Array.from({ length: 10 }, () => send(1));
        for (const each of sending) each.catch(() => {});
        await until(() => release.length === 4);
        const refused = (await Promise.allSettled(sending.slice(8))).map(
          (each) => each.status === "rejected" && each.reason,
        );
        assert.ok(refused.every((error) => NotStarted.is(error) && error.data.reason.startsWith("busy")));
        assert.equal(release.length, 4);
        while (release.length > 0) {
          release.shift()?.();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await Promise.all(sending.slice(0, 8));
      },
      { server: { limits: { callsMax: 4 } }, channel: { waitingMax: 8 } },
    );
  });
});

void test("streams go both ways over sockets, with no more ahead than there is credit for", async () => {
  let ahead = 0;
  let most = 0;
  const handle: Handle = async (call) => {
    let sum = 0;
    for await (const chunk of call.chunks ?? []) {
      sum += (chunk as { n: number }).n;
      ahead += 1;
      most = Math.max(most, ahead);
      await call.emit({ n: (chunk as { n: number }).n, text: "x".repeat(5_000) });
    }
    return { output: sum, replayed: false };
  };
  const source = async function* (): AsyncGenerator<{ n: number; text: string }> {
    for (let n = 0; n < 500; n += 1) yield { n, text: "y".repeat(5_000) };
  };
  await withBench(handle, async ({ channel }) => {
    const { chunks, reply } = channel.stream(envelopeOf("start"), undefined, source());
    let seen = 0;
    for await (const chunk of chunks) {
      assert.equal((chunk as { n: number }).n, seen);
      seen += 1;
      ahead -= 1;
      if (seen % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.deepEqual([seen, (await reply).output], [500, (499 * 500) / 2]);
    assert.ok(most <= 70, String(most));
  });
});

/** The sockets of a channel: there is no other way to be a peer that does not read. */
function socketsOf(_channel: WireChannel): TLSSocket[] {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  return handles.filter((handle): handle is TLSSocket => {
    const socket = handle as TLSSocket & { servername?: string; _tlsOptions?: { isServer?: boolean } };
    return socket.encrypted === true && socket._tlsOptions?.isServer !== true;
  });
}
