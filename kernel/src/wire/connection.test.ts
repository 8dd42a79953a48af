/** Both sides of a connection, in memory. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { describe, test } from "node:test";
import { Malformed } from "./faults.ts";
import { FrameType, FrameWriter } from "./frames.ts";
import { encodeHello } from "./hello.ts";
import { WIRE_LIMITS } from "./limits.ts";
import type { CallOutcome } from "./outgoing-call.ts";
import { Pair } from "./testing/pair.ts";
import { ValueCodec } from "./values.ts";

/** `Array.fromAsync`, which the library of types does not know yet. */
async function all(chunks: AsyncIterable<unknown> | undefined): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const chunk of chunks ?? []) list.push(chunk);
  return list;
}

const codec = new ValueCodec(WIRE_LIMITS);

/** Sends a frame that no side would send, as if the caller had. */
function sendRaw(pair: Pair, type: number, id: number, value?: unknown, flags = 0): void {
  const writer = new FrameWriter();
  writer.write(type, flags, id, value === undefined ? undefined : codec.encode(value));
  for (const part of writer.take()) pair.callee.link.receive(part, pair.nowMs);
  pair.pump();
}

void describe("a connection of calls", () => {
  void test("carries all that stands in a call, however the bytes are cut", () => {
    for (const piece of [1, 3, 7, Infinity]) {
      const pair = new Pair({ piece });
      const said = {
        ...{
          key: "key",
          clientKey: true,
          insists: true,
          mayBeStale: true,
          attempt: 3,
          caller: "checkout",
          criticality: "critical" as const,
        },
        ...{
          traceparent: "00-1-2-01",
          tracestate: "a=b",
          userToken: "t".repeat(2_000),
          input: { deep: [{ a: [] }], x: null },
        },
      };
      const outcomes: CallOutcome[] = [];
      pair.call({ ...said, deadlineAt: 250.5 }, outcomes);
      pair.pump();
      const [call] = pair.calls;
      assert.ok(call !== undefined);
      assert.deepEqual(call.message, {
        ...{ service: "orders", operation: "place", remainingMs: 250.5, sendsChunks: false, takesChunks: false },
        ...said,
      });
      call.reply({ ok: true }, true);
      pair.pump();
      assert.deepEqual(outcomes, [{ kind: "reply", output: { ok: true }, replayed: true }]);
    }
  });

  void test("keeps apart an input that is null from one that is not there", () => {
    const pair = new Pair();
    const outcomes: CallOutcome[] = [];
    pair.call({ input: undefined }, outcomes);
    pair.call({ input: null }, outcomes);
    pair.pump();
    assert.deepEqual(
      pair.calls.map(({ message }) => message.input),
      [undefined, null],
    );
    pair.calls[0]?.reply(undefined, false);
    pair.calls[1]?.reply(null, false);
    pair.pump();
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === "reply" ? outcome.output : outcome)),
      [undefined, null],
    );
  });

  void test("brings a fault as data, and whether it was repeated", () => {
    const pair = new Pair();
    const outcomes: CallOutcome[] = [];
    pair.call({}, outcomes);
    pair.pump();
    const fault = { code: "a/b", kind: "conflict", message: "So it is.", data: { n: 1 } } as const;
    pair.calls[0]?.fault(fault, true);
    pair.pump();
    assert.deepEqual(outcomes, [{ kind: "fault", fault, retried: true }]);
  });

  void test("never has more calls under way than the callee takes; the others wait in order", () => {
    const pair = new Pair({ calleeLimits: { callsMax: 2 }, waitingMax: 3 });
    const outcomes: CallOutcome[] = [];
    pair.pump();
    for (let n = 0; n < 6; n += 1) pair.call({ input: n }, outcomes);
    pair.pump();
    assert.deepEqual([pair.caller.activeCalls, pair.caller.waitingCalls], [2, 3]);
    assert.deepEqual(outcomes, [{ kind: "refused", reason: "busy", detail: "too many calls wait already" }]);
    for (let n = 0; n < 5; n += 1) {
      assert.ok(pair.callee.runningCalls <= 2);
      assert.equal(pair.calls[n]?.message.input, n);
      pair.calls[n]?.reply(n, false);
      pair.pump();
    }
    assert.equal(outcomes.length, 6);
  });

  void test("refuses a call that comes while as many handlers run, though their callers gave up", () => {
    const pair = new Pair({ calleeLimits: { callsMax: 1 } });
    const outcomes: CallOutcome[] = [];
    pair.call({}, outcomes)?.cancel();
    pair.pump();
    pair.call({}, outcomes)?.cancel();
    pair.pump();
    pair.call({}, outcomes);
    pair.pump();
    const [gone] = pair.calls;
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["cancelled", "cancelled"].concat(pair.calls.length > 0 ? "refused" : []),
    );
    gone?.reply(1, false);
  });

  void test("ends a call at its deadline on both sides, and not before", () => {
    const pair = new Pair();
    const outcomes: CallOutcome[] = [];
    pair.pump();
    pair.carries = { there: true, back: false };
    pair.call({ deadlineAt: 100 }, outcomes);
    pair.pump();
    const signal = pair.calls[0]?.signal;
    pair.pass(99);
    assert.deepEqual([outcomes, signal?.aborted], [[], false]);
    pair.pass(1);
    assert.deepEqual([outcomes, signal?.aborted], [[{ kind: "expired" }], true]);
  });

  void test("aborts a handler at the deadline though the caller says nothing", () => {
    const pair = new Pair();
    pair.pump();
    pair.call({ deadlineAt: 100 });
    pair.pump();
    pair.carries = { there: false, back: false };
    pair.pass(100);
    assert.equal(pair.calls[0]?.signal.aborted, true);
  });

  void test("does not begin a call whose time is over when it arrives", () => {
    const pair = new Pair().pump();
    pair.carries = { there: true, back: false };
    sendRaw(pair, FrameType.call, 1, ["s", "o", null, 1, 0, null, 2, null, null, null, {}]);
    assert.deepEqual([pair.calls.length, pair.callee.link.state], [0, "open"]);
  });

  void test("tells the handler that its caller gave up, and sends nobody its answer", () => {
    const pair = new Pair().pump();
    const outcomes: CallOutcome[] = [];
    const handle = pair.call({}, outcomes);
    pair.pump();
    const signal = pair.calls[0]?.signal;
    handle?.cancel();
    pair.pump();
    assert.deepEqual([outcomes, signal?.aborted], [[{ kind: "cancelled" }], true]);
    pair.calls[0]?.reply(1, false);
    assert.equal(pair.callee.link.pendingBytes, 0);
    assert.equal(pair.callee.runningCalls, 0);
  });

  void test("loses no call when the callee drains: what was taken is answered, the rest was certainly not started", () => {
    const pair = new Pair({ calleeLimits: { callsMax: 2 } }).pump();
    const outcomes: CallOutcome[] = [];
    pair.call({ input: "taken" }, outcomes);
    pair.pump();
    // On its way while the callee drains, and one that waits.
    pair.callee.drain();
    pair.call({ input: "under way" }, outcomes);
    pair.call({ input: "waiting" }, outcomes);
    pair.pump();
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === "refused" && outcome.reason),
      ["draining", "draining"],
    );
    assert.deepEqual(
      pair.calls.map(({ message }) => message.input),
      ["taken"],
    );
    assert.ok(!pair.caller.isUsable && pair.caller.isDrained);
    assert.deepEqual(pair.log, ["unusable"]);
    pair.calls[0]?.reply("done", false);
    pair.pump();
    assert.equal(outcomes[2]?.kind, "reply");
    assert.deepEqual(pair.log.toSorted(), ["callee finished", "caller finished", "unusable"]);
  });

  void test("says of a connection that is only replaced that it is", () => {
    const pair = new Pair().pump();
    const outcomes: CallOutcome[] = [];
    pair.callee.drain(true);
    pair.call({}, outcomes);
    pair.pump();
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === "refused" && outcome.reason),
      ["replaced"],
    );
    assert.equal(pair.caller.isDrained, false);
  });

  for (const isReplaced of [false, true]) {
    void test(`is told before any call that it is ${isReplaced ? "replaced" : "drained"}, though it was before the hello`, () => {
      const pair = new Pair();
      const outcomes: CallOutcome[] = [];
      pair.callee.drain(isReplaced);
      pair.call({}, outcomes);
      pair.pump();
      assert.deepEqual(
        outcomes.map((outcome) => outcome.kind === "refused" && outcome.reason),
        [isReplaced ? "replaced" : "draining"],
      );
      assert.deepEqual([pair.caller.isUsable, pair.caller.isDrained], [false, !isReplaced]);
      assert.ok(pair.log.includes("caller finished"));
    });
  }

  void test("does not know of calls under way on a connection that ended; those that wait were not started", () => {
    const pair = new Pair({ calleeLimits: { callsMax: 1 } }).pump();
    const outcomes: CallOutcome[] = [];
    pair.call({}, outcomes);
    pair.call({}, outcomes);
    pair.pump();
    const signal = pair.calls[0]?.signal;
    pair.caller.link.close(undefined, "reset");
    pair.callee.link.close(undefined, "reset");
    assert.deepEqual(outcomes, [
      { kind: "lost", detail: "reset" },
      { kind: "refused", reason: "closed", detail: "reset" },
    ]);
    assert.equal(signal?.aborted, true);
  });

  void test("refuses an input that is larger, deeper or stranger than the callee takes, and nothing else suffers", () => {
    const pair = new Pair({
      calleeLimits: { frameBytesMax: 16_384, headerBytesMax: 4_096, depthMax: 16, itemsMax: 1_000 },
    }).pump();
    const outcomes: CallOutcome[] = [];
    let deep: unknown = 1;
    for (let n = 0; n < 20; n += 1) deep = [deep];
    const strange = [NaN, Infinity, new Date(), new Uint8Array(3), "\ud800", JSON.parse('{"__proto__":1}'), 1n];
    const inputs = ["x".repeat(20_000), deep, Array.from({ length: 1_001 }, () => 0), ...strange];
    for (const input of inputs) pair.call({ input }, outcomes);
    pair.call({ userToken: "t".repeat(5_000) }, outcomes);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      [...inputs, 0].map(() => "unsendable"),
    );
    pair.call({ input: "fine" }, outcomes);
    pair.pump();
    assert.equal(pair.calls[0]?.message.input, "fine");
    assert.match(String(pair.calls[0]?.reply({ a: NaN }, false)), /not finite/);
    pair.pump();
    const last = outcomes.at(-1);
    assert.equal(last?.kind === "fault" && last.fault.code, "wire/reply-unsendable");
    assert.equal(pair.callee.link.state, "open");
  });
});

void describe("a peer that does what it must not", () => {
  const before = new Pair();
  const cases: Readonly<Record<string, (pair: Pair) => void>> = {
    "sends something before its hello": (pair) => sendRaw(pair, FrameType.ping, 1),
    "says hello twice": (pair) => {
      pair.pump();
      sendRaw(pair, FrameType.hello, 0, { versions: [1, 1], limits: WIRE_LIMITS, features: [] });
    },
    "uses an id again": (pair) => {
      pair.pump().call();
      pair.pump();
      sendRaw(pair, FrameType.call, 1, ["s", "o", null, 1, 9, null, 2, null, null, null, {}]);
    },
    "cancels what was never called": (pair) => {
      pair.pump();
      sendRaw(pair, FrameType.cancel, 9);
    },
    "sends a frame of a type that nobody knows": (pair) => {
      pair.pump();
      sendRaw(pair, 0x33, 1);
    },
    "sends a call without a header": (pair) => {
      pair.pump();
      sendRaw(pair, FrameType.call, 1, ["s", "o"]);
    },
    "sends a header that is too long": (pair) => {
      pair.pump();
      sendRaw(pair, FrameType.call, 1, ["s", "o", "k".repeat(20_000), 1, 9, null, 2, null, null, null, {}]);
    },
    "announces a frame that is too long": (pair) => {
      pair.pump();
      pair.callee.link.receive(Uint8Array.of(0x7f, 0, 0, 0, 0x10, 0, 0, 0, 0, 1), 0);
    },
    "grants what was not sent": (pair) => {
      pair.pump().call({ takesChunks: true });
      pair.pump();
      const writer = new FrameWriter();
      writer.write(FrameType.credit, 0, 1, Uint8Array.of(0, 0, 0, 1));
      for (const part of writer.take()) pair.callee.link.receive(part, 0);
    },
    "sends a chunk beyond its credit": (pair) => {
      pair.pump().call({ sendsChunks: true });
      pair.pump();
      for (let n = 0; n < 5; n += 1) sendRaw(pair, FrameType.chunk, 1, "x".repeat(80_000));
    },
  };
  for (const [title, wrong] of Object.entries(cases)) {
    void test(`is cut off when it ${title}`, () => {
      const pair = new Pair();
      wrong(pair);
      assert.equal(pair.callee.link.state, "closed");
      assert.match(pair.log.find((line) => line.startsWith("callee closed")) ?? "", /protocol/);
    });
  }

  void test("is cut off when it says no hello in time, and no later", () => {
    const pair = new Pair();
    pair.carries = { there: false, back: false };
    pair.pump().pass(4_999);
    assert.equal(pair.callee.link.state, "greeting");
    pair.pass(1);
    assert.equal(pair.callee.link.state, "closed");
  });

  void test("is cut off when its hello drips", () => {
    const pair = new Pair();
    const hello = encodeHello(codec, { versions: [1, 1], limits: WIRE_LIMITS, features: [] });
    const writer = new FrameWriter();
    writer.write(FrameType.hello, 0, 0, hello);
    const [bytes = hello] = writer.take();
    for (const byte of bytes) {
      pair.callee.link.receive(Uint8Array.of(byte), pair.nowMs);
      pair.carries = { there: false, back: false };
      pair.pass(100);
    }
    assert.equal(pair.callee.link.state, "closed");
  });

  void test("is cut off when a frame drips, though it never falls silent", () => {
    const pair = new Pair().pump();
    pair.callee.link.receive(Uint8Array.of(0, 0, 1), pair.nowMs);
    for (let n = 0; n < 25 && pair.callee.link.state === "open"; n += 1) {
      pair.pass(1_000);
      pair.callee.link.receive(Uint8Array.of(0), pair.nowMs);
    }
    assert.equal(pair.callee.link.state, "closed");
    assert.ok(pair.nowMs >= 20_000);
  });

  void test("has its time for each frame: that others ended and began in the same bytes is no delay", () => {
    const pair = new Pair({ timing: { idleMs: 100_000 } }).pump();
    for (let n = 0; n < 40; n += 1) pair.call({ deadlineAt: 100_000 });
    const bytes = Buffer.concat(pair.caller.link.take());
    const length = Math.floor(bytes.length / 40);
    // Each piece ends amid a frame.
    for (let at = 0, to = Math.floor(length * 1.5); at < bytes.length; at = to, to += length) {
      pair.callee.link.receive(Uint8Array.from(bytes.subarray(at, to)), pair.nowMs);
      pair.pass(1_000);
    }
    assert.deepEqual([pair.calls.length, pair.callee.link.state], [40, "open"]);
  });

  void test("is asked for a sign of life when it is silent, and cut off when it gives none", () => {
    const pair = new Pair().pump();
    pair.pass(60_000);
    assert.equal(pair.caller.link.state, "open");
    pair.carries = { there: false, back: true };
    pair.pass(14_999);
    assert.equal(pair.callee.link.state, "open");
    pair.pass(10_000);
    assert.equal(pair.callee.link.state, "closed");
    assert.ok(before.callee.link.state === "greeting");
  });
});

void describe("the hello", () => {
  void test("passes over what is new, and ignores frames that may be ignored", () => {
    const pair = new Pair({ callerHello: { features: ["streams", "telepathy"], versions: [1, 7] } }).pump();
    sendRaw(pair, 0x99, 77, { any: "thing" });
    assert.deepEqual([pair.callee.link.state, pair.caller.link.state], ["open", "open"]);
  });

  void test("ends the connection when there is no version in common, and says so", () => {
    const pair = new Pair({ callerHello: { versions: [2, 3] } }).pump();
    assert.deepEqual([pair.callee.link.state, pair.caller.link.state], ["closed", "closed"]);
    assert.match(pair.log.join("\n"), /no version in common: 1-1 and 2-3/);
  });

  void test("refuses streams to a peer that knows none", () => {
    const pair = new Pair({ callerHello: { features: [] } }).pump();
    const outcomes: CallOutcome[] = [];
    pair.call({ takesChunks: true }, outcomes);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === "refused" && outcome.reason),
      ["unsupported"],
    );
  });
});

void describe("streams", () => {
  void test("bring chunks both ways, in order, and end with the answer", async () => {
    const pair = new Pair({ piece: 11 }).pump();
    const outcomes: CallOutcome[] = [];
    const handle = pair.call({ sendsChunks: true, takesChunks: true }, outcomes);
    pair.pump();
    const [call] = pair.calls;
    assert.ok(handle !== undefined && call?.chunks !== undefined);
    const up = all(call.chunks);
    const down = handle.opened.then((chunks) => all(chunks));
    for (const n of [1, 2, 3]) {
      assert.equal(await handle.write({ n }), true);
      assert.equal(await call.write([n]), true);
    }
    handle.end(true);
    pair.pump();
    assert.deepEqual(await up, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    call.reply("end", false);
    pair.pump();
    assert.deepEqual(await down, [[1], [2], [3]]);
    assert.equal(outcomes[0]?.kind, "reply");
    assert.equal(await handle.write(4), false);
  });

  void test("send no more ahead than the reader gave credit for", async () => {
    const pair = new Pair({ callerLimits: { windowBytes: 10_000 } }).pump();
    const handle = pair.call({ takesChunks: true });
    pair.pump();
    const [call] = pair.calls;
    let sent = 0;
    const sending = (async () => {
      for (let n = 0; n < 50; n += 1) if (await call!.write("x".repeat(990))) sent += 1;
      call!.reply(null, false);
    })();
    await turn();
    pair.pump();
    await turn();
    assert.equal(sent, 10);
    const reading = (async () => all(await handle!.opened))();
    for (let n = 0; n < 40; n += 1) {
      await turn();
      pair.pump();
    }
    await sending;
    assert.equal((await reading).length, 50);
  });

  void test("end with an error for the reader when they are not whole", async () => {
    const pair = new Pair().pump();
    const handle = pair.call({ sendsChunks: true });
    pair.pump();
    const [call] = pair.calls;
    await handle?.write(1);
    handle?.end(false);
    pair.pump();
    await assert.rejects(all(call!.chunks), /broke it off/);
  });

  void test("end with an error for the reader when the connection does", async () => {
    const pair = new Pair().pump();
    const handle = pair.call({ takesChunks: true });
    pair.pump();
    const chunks = await handle?.opened;
    pair.caller.link.close(undefined, "reset");
    await assert.rejects(all(chunks), /lost/);
  });
});

void test("the fault of a peer that breaks the protocol is recognised by its code", () => {
  assert.ok(Malformed.is(Malformed.with({ reason: "x" })));
});
