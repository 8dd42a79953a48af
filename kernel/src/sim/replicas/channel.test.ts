/** Channels between simulated hosts: what they tell of the other side, and what they do not know. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeadlineExceeded } from "../../guard/mod.ts";
import type { Channel, ChannelState, Envelope } from "../../transport/mod.ts";
import { Unreachable, wasNotStarted } from "../../transport/mod.ts";
import { CALLS } from "../calls.ts";
import type { Machine } from "../machine.ts";
import { Stage, type StageOptions, outcomeOf } from "../testing/stage.ts";
import { CallPort, simulatedChannels } from "./channel.ts";

const DEADLINE_MS = 5_000;

/** A caller, and a callee that answers when it is told to. */
async function setup(options: StageOptions = {}) {
  const stage = new Stage(options);
  const { scheduler, network, faults, machines } = stage;
  const caller = stage.machine("caller");
  const incarnation = caller.born();
  const clock = caller.clockOf(incarnation);
  const callee = stage.machine("callee");
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const serve = (): CallPort => {
    const port = new CallPort(callee.born());
    callee.ports.set(
      CALLS,
      port.listener(async () => {
        calls += 1;
        await gate.promise;
        return JSON.stringify({ reply: { output: "done", replayed: false } });
      }),
    );
    return port;
  };
  let port = serve();
  const channels = simulatedChannels({
    ...{ machine: caller, incarnation, network, scheduler, faults, clock, onSend: () => {} },
    portOf: () => (port.life.alive ? port : undefined),
    machineOf: (name) => machines.get(name),
  });
  const heard: ChannelState[] = [];
  const connect = (): Channel => {
    const address = { host: callee.name, port: 1 };
    const channel = channels.connect({ id: "i", service: "svc", address, startedAt: 0, health: "ready" });
    channel.onState((state) => heard.push(state));
    return channel;
  };
  const channel = connect();
  await stage.pass(10);
  const send = (over = channel): Promise<unknown> => over.send(envelope(clock.monotonicMs() + DEADLINE_MS), undefined);
  const again = (): void => void (port = serve());
  return { stage, callee, channel, heard, connect, send, again, answer: gate.resolve, port, calls: () => calls };
}

function envelope(deadlineAt: number): Envelope {
  return {
    ...{ service: "svc", operation: "do", input: {}, key: "k", clientKey: false, attempt: 1, deadlineAt },
    ...{ caller: "caller", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
  };
}

const isUnknown = (error: unknown): boolean => Unreachable.is(error) && !wasNotStarted(error);

function bothWays(stage: Stage, callee: Machine, forMs: number): void {
  for (const [from, to] of [
    ["caller", callee.name],
    [callee.name, "caller"],
  ] as const)
    stage.network.cut(from, to, stage.scheduler.now + forMs);
}

describe("a channel", () => {
  test("whose callee dies is broken, and what was under way is unknown", async () => {
    const { stage, callee, channel, heard, send } = await setup();
    const sending = send();
    await stage.pass(10);
    stage.crash(callee, "test");
    await assert.rejects(stage.settle(sending, 100), isUnknown);
    assert.deepEqual(heard, ["ready", "broken"]);
    await assert.rejects(send(), wasNotStarted);
    assert.equal(channel.state, "broken");
  });

  test("to a machine without power looks well until something is sent; another life has nothing to do with it", async () => {
    const { stage, callee, channel, again, connect, send, answer } = await setup();
    stage.crash(callee, "test", true);
    again();
    await stage.pass(1_000);
    assert.equal(channel.state, "ready");
    await assert.rejects(stage.settle(send()), isUnknown);
    assert.equal(channel.state, "broken");
    const next = connect();
    answer();
    assert.deepEqual(await stage.settle(send(next)), { output: "done", replayed: false });
  });

  test("that is gone without anybody's knowing keeps its calls waiting until it shows", async () => {
    const { stage, channel, send, calls } = await setup({ rates: { "half-open connection": 1 } });
    const sending = send();
    await stage.pass(300);
    assert.deepEqual([await outcomeOf(sending), channel.state, calls()], ["waits", "ready", 0]);
    await assert.rejects(stage.settle(sending, 3_000), isUnknown);
    assert.equal(channel.state, "broken");
  });

  test("bears a short cut, and breaks when something is sent in a long one", async () => {
    const { stage, callee, channel, send, answer } = await setup();
    answer();
    bothWays(stage, callee, 200);
    await stage.pass(300);
    await stage.settle(send());
    bothWays(stage, callee, 10_000);
    await assert.rejects(stage.settle(send(), 4_000), isUnknown);
    assert.equal(channel.state, "broken");
  });

  test("that is not made in time is broken, and calls that wait for it were surely not begun", async () => {
    const { stage, callee, connect, send, calls } = await setup();
    bothWays(stage, callee, 10_000);
    const sending = send(connect());
    await assert.rejects(stage.settle(sending, 2_000), wasNotStarted);
    assert.equal(calls(), 0);
  });

  test("hears that its callee drains: no further call is begun, those under way are answered", async () => {
    const { stage, channel, send, port, answer, connect } = await setup();
    const sending = send();
    await stage.pass(10);
    const drained = port.drain();
    // Sent before the word is there: refused by the callee.
    await assert.rejects(stage.settle(send()), wasNotStarted);
    await stage.pass(10);
    assert.equal(channel.state, "draining");
    assert.equal(await outcomeOf(drained), "waits");
    await assert.rejects(stage.settle(send(connect())), wasNotStarted);
    answer();
    assert.deepEqual(await stage.settle(sending), { output: "done", replayed: false });
    await stage.settle(drained);
  });

  test("that is closed ends its calls as unknown; one that drains lets them end", async () => {
    const { stage, channel, connect, send, answer } = await setup();
    const other = connect();
    await stage.pass(10);
    const [lost, kept] = [send(), send(other)];
    await stage.pass(10);
    await channel.close();
    await assert.rejects(stage.settle(lost), isUnknown);
    const draining = other.drain();
    await assert.rejects(send(other), wasNotStarted);
    answer();
    await stage.settle(kept);
    await stage.settle(draining);
    assert.equal(other.state, "broken");
  });

  test("keeps a call's deadline", async () => {
    const { stage, send } = await setup();
    await assert.rejects(stage.settle(send()), (error) => DeadlineExceeded.is(error));
  });
});
