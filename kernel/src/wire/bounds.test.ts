/** What bounds the memory of a connection, whatever its peer sends and however little it reads. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { describe, test } from "node:test";
import { ByteBudget } from "./budget.ts";
import { FrameType, FrameWriter } from "./frames.ts";
import type { CallOutcome } from "./outgoing-call.ts";
import { Pair } from "./testing/pair.ts";

const MIB = 1024 * 1024;

/** What became of calls, shortly. */
function kindsOf(outcomes: readonly CallOutcome[]): string[] {
  return outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.reason : outcome.kind));
}

void describe("a budget of bytes", () => {
  void test("has room for one thing of any size, and for no more than it says", () => {
    const budget = new ByteBudget(100);
    assert.ok(budget.fits(1_000));
    budget.add(60);
    assert.deepEqual([budget.fits(40), budget.fits(41)], [true, false]);
    budget.add(-60);
    assert.ok(budget.fits(101));
  });

  void test("counts in all that it is part of", () => {
    const whole = new ByteBudget(100);
    const [one, other] = [new ByteBudget(80, whole), new ByteBudget(80, whole)];
    one.add(70);
    assert.deepEqual([other.fits(30), other.fits(31)], [true, false]);
    one.add(-70);
    assert.deepEqual([other.fits(80), whole.usedBytes], [true, 0]);
  });
});

void describe("the inputs of calls under way", () => {
  const items = Array.from({ length: 10_000 }, () => ({}));
  // 10 kB came of each; what is made of it takes some 500.
  const room = 2_300_000;

  void test("have a budget, by what is made of them; what does not fit was certainly not started", () => {
    const pair = new Pair({ inputs: new ByteBudget(room) }).pump();
    const outcomes: CallOutcome[] = [];
    for (let n = 0; n < 8; n += 1) pair.call({ input: items }, outcomes);
    pair.pump();
    assert.deepEqual([pair.calls.length, kindsOf(outcomes)], [3, ["busy", "busy", "busy", "busy", "busy"]]);
    assert.equal(pair.callee.link.state, "open");
  });

  void test("have room again when a call was answered, and not when its caller gave up", () => {
    const inputs = new ByteBudget(room);
    const pair = new Pair({ inputs }).pump();
    const outcomes: CallOutcome[] = [];
    const handles = [1, 2, 3].map(() => pair.call({ input: items }, outcomes));
    pair.pump();
    handles[0]?.cancel();
    pair.call({ input: items }, outcomes);
    pair.pump();
    assert.deepEqual(kindsOf(outcomes), ["cancelled", "busy"]);
    pair.calls[0]?.reply(null, false);
    pair.call({ input: items }, outcomes);
    pair.pump();
    assert.equal(pair.calls.length, 4);
    for (const call of pair.calls) call.reply(null, false);
    assert.equal(inputs.usedBytes, 0);
  });

  void test("hold what their streams may send ahead, too", () => {
    const inputs = new ByteBudget(600 * 1024);
    const pair = new Pair({ inputs }).pump();
    const outcomes: CallOutcome[] = [];
    for (let n = 0; n < 3; n += 1) pair.call({ sendsChunks: true }, outcomes);
    pair.pump();
    assert.deepEqual([pair.calls.length, kindsOf(outcomes)], [2, ["busy"]]);
    pair.caller.link.close(undefined, "reset");
    pair.callee.link.close(undefined, "reset");
    for (const call of pair.calls) call.reply(null, false);
    assert.equal(inputs.usedBytes, 0);
  });
});

void describe("what waits to be read", () => {
  const big = "x".repeat(MIB);

  void test("is bounded by answers that are given up, not by the end of the connection", () => {
    const outputs = new ByteBudget(3.5 * MIB);
    const pair = new Pair({ outputs }).pump();
    const outcomes: CallOutcome[] = [];
    for (let n = 0; n < 6; n += 1) pair.call({}, outcomes);
    pair.pump();
    for (const call of pair.calls) call.reply(big, false);
    const late = pair.calls.length;
    pair.call({}, outcomes);
    for (const part of pair.caller.link.take()) pair.callee.link.receive(part, 0);
    pair.callee.flushed();
    assert.ok(outputs.usedBytes < 4 * MIB, String(outputs.usedBytes));
    pair.pump();
    const codes = outcomes.map((outcome) => (outcome.kind === "fault" ? outcome.fault.code : outcome.kind));
    const dropped = "wire/reply-dropped";
    assert.deepEqual(codes.slice(0, 6), ["reply", "reply", "reply", dropped, dropped, dropped]);
    assert.deepEqual([pair.callee.link.state, outputs.usedBytes], ["open", 0]);
    pair.calls[late]?.reply(big, false);
    pair.call({}, outcomes);
    pair.pump();
    pair.calls.at(-1)?.reply(big, false);
    pair.pump();
    assert.equal(outcomes.at(-1)?.kind, "reply");
  });

  void test("lets no call begin whose answer would have no room", () => {
    const outputs = new ByteBudget(MIB);
    const pair = new Pair({ outputs }).pump();
    const outcomes: CallOutcome[] = [];
    pair.call({}, outcomes);
    pair.pump();
    pair.calls[0]?.reply("x".repeat(2 * MIB), false);
    pair.callee.flushed();
    pair.call({}, outcomes);
    pair.pump();
    assert.deepEqual([pair.calls.length, kindsOf(outcomes)], [1, ["reply", "busy"]]);
  });

  void test("lets calls wait with their caller, in order, until their deadline", () => {
    const pair = new Pair().pump();
    const outcomes: CallOutcome[] = [];
    for (let n = 0; n < 5; n += 1) pair.call({ input: big, deadlineAt: n === 4 ? 100 : 1_000 }, outcomes);
    assert.ok(pair.caller.link.pendingBytes < 2 * MIB);
    assert.equal(pair.caller.waitingCalls, 4);
    pair.caller.link.wake(100);
    assert.deepEqual(kindsOf(outcomes), ["expired"]);
    pair.pump();
    assert.deepEqual([pair.calls.length, pair.caller.waitingCalls], [4, 0]);
  });

  void test("is handed out in pieces of any size, and comes as it was sent", () => {
    for (const piece of [1, 9, 4_096, 100_000]) {
      const [whole, cut] = [new FrameWriter(), new FrameWriter()];
      for (let n = 1; n < 20; n += 1) {
        const body = new Uint8Array(n * n * 97).fill(n);
        whole.write(FrameType.call, 0, n, body);
        cut.write(FrameType.call, 0, n, body);
      }
      const parts: Uint8Array[] = [];
      for (let left = cut.pendingBytes; left > 0; left = cut.pendingBytes) {
        const taken = cut.take(piece);
        const bytes = taken.reduce((sum, { length }) => sum + length, 0);
        assert.deepEqual([bytes, cut.pendingBytes], [Math.min(piece, left), left - bytes]);
        parts.push(...taken);
      }
      assert.ok(Buffer.concat(parts).equals(Buffer.concat(whole.take())));
    }
  });

  void test("does not grow by pings of a peer that reads nothing", () => {
    const pair = new Pair().pump();
    const writer = new FrameWriter();
    for (let n = 0; n < 100_000; n += 1) writer.write(FrameType.ping, 0, n);
    for (const part of writer.take()) pair.callee.link.receive(part, 0);
    assert.ok(pair.callee.link.pendingBytes <= 65 * 1024, String(pair.callee.link.pendingBytes));
    pair.pump();
    assert.equal(pair.caller.link.state, "open");
  });
});

void describe("chunks that nobody reads yet", () => {
  void test("are at most 1,024 of a stream, however short they are", async () => {
    const pair = new Pair().pump();
    const handle = pair.call({ sendsChunks: true });
    pair.pump();
    let sent = 0;
    for (let n = 0; n < 5_000; n += 1) void handle?.write(null).then((isSent) => (sent += Number(isSent)));
    await turn();
    pair.pump();
    assert.equal(sent, 1_024);
    let read = 0;
    const reading = (async () => {
      for await (const chunk of pair.calls[0]?.chunks ?? []) if (chunk === null) read += 1;
    })();
    for (let n = 0; n < 10; n += 1) {
      await turn();
      pair.pump();
    }
    assert.equal(sent, 5_000);
    handle?.end(true);
    pair.pump();
    await reading;
    assert.equal(read, 5_000);
  });

  void test("are no more than both sides said, though the one that reads takes more", async () => {
    const pair = new Pair({ callerLimits: { windowBytes: 1_000 * MIB }, calleeLimits: { windowBytes: 10_000 } }).pump();
    const handle = pair.call({ takesChunks: true });
    pair.pump();
    let sent = 0;
    const sending = (async () => {
      for (let n = 0; n < 50; n += 1) if (await pair.calls[0]?.write("x".repeat(990))) sent += 1;
      pair.calls[0]?.reply(null, false);
    })();
    await turn();
    assert.equal(sent, 10);
    const reading = (async () => {
      let read = 0;
      for await (const chunk of (await handle?.opened) ?? []) read += (chunk as string).length;
      return read;
    })();
    for (let n = 0; n < 40; n += 1) {
      await turn();
      pair.pump();
    }
    await sending;
    assert.equal(await reading, 50 * 990);
  });
});
