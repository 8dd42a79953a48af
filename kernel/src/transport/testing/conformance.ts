/**
 * What every transport must do: a call means the same in memory, over the wire and in simulation. One suite, run against
 * each; what a transport may do besides (losing calls, doubling them) is tested beside it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeadlineExceeded, wasRetried } from "../../guard/mod.ts";
import { Undeclared, UnknownOperation } from "../../runtime/mod.ts";
import { Invalid } from "../../schema/mod.ts";
import { Forbidden, Unauthenticated } from "../../security/mod.ts";
import { type Clock, Fault, isFault } from "../../std/mod.ts";
import type { Envelope, Reply, Transport } from "../mod.ts";
import { type CalleeProbe, TooMuch, calleeSystem } from "./callee.ts";

export { calleeSystem };

/** A transport from the service `caller` to the service `callee`. */
export interface TransportSubject {
  readonly transport: Transport;
  /** The clock of the caller's host. */
  readonly clock: Clock;
  close(): Promise<void>;
}

interface Setup extends TransportSubject {
  readonly probe: CalleeProbe;
  /** Sends a call; what is not said has a plain value. */
  send(operation: string, input: unknown, more?: Partial<Envelope>): Promise<Reply>;
  /** How many puts took effect. */
  count(): Promise<unknown>;
}

type Case = (setup: Setup) => Promise<void>;

async function faultOf(sending: Promise<Reply>): Promise<Fault> {
  const outcome = await sending.then(
    (reply) => assert.fail(`It answered ${JSON.stringify(reply)}.`),
    (error: unknown) => error,
  );
  assert.ok(isFault(outcome), String(outcome));
  assert.ok(outcome instanceof Fault);
  return outcome;
}

const INPUT = { text: "Zürich \u{1f642} \0 '; --", whole: 2 ** 53 - 1, part: -0.1, flag: false, list: ["", "x"] };
const alice = { subject: "alice", roles: ["customer"], guest: false };

const cases: Readonly<Record<string, Case>> = {
  async "answers a call with what the callee answered"({ send }) {
    assert.deepEqual(await send("echo", INPUT), { output: INPUT, replayed: false });
    assert.deepEqual(await send("echo", { ...INPUT, maybe: "there" }), {
      output: { ...INPUT, maybe: "there" },
      replayed: false,
    });
  },

  async "shares nothing: either side has a copy of its own"({ send, probe }) {
    const input = { ...INPUT, list: ["a"] };
    const first = await send("echo", input);
    assert.deepEqual(probe.received, input);
    assert.notEqual(probe.received, input);
    const output = first.output as typeof input;
    assert.notEqual(output, input);
    assert.notEqual(output, probe.received);
    output.list.push("changed");
    assert.deepEqual([input.list, (probe.received as typeof input).list], [["a"], ["a"]]);
  },

  async "carries a command out once for a key, and says so when it is asked again"({ send, probe, count }) {
    const more = { key: "k1" };
    assert.deepEqual(await send("put", { id: "a", n: 1 }, more), { output: { count: 1 }, replayed: false });
    const again = await send("put", { id: "a", n: 1 }, { ...more, attempt: 2 });
    assert.deepEqual(again, { output: { count: 1 }, replayed: true });
    assert.deepEqual([probe.runs, await count()], [1, 1]);
    assert.deepEqual(await send("put", { id: "a", n: 1 }, { key: "k2" }), { output: { count: 2 }, replayed: false });
  },

  async "carries a command out once when it is sent twice at once"({ send, count }) {
    const both = [1, 2].map((attempt) => send("put", { id: "a", n: 1 }, { key: "k1", attempt }));
    assert.deepEqual(
      (await Promise.all(both)).map(({ output }) => output),
      [{ count: 1 }, { count: 1 }],
    );
    assert.equal(await count(), 1);
  },

  async "brings a fault as it was thrown, and nothing of what was done stays"({ send, count }) {
    const fault = await faultOf(send("put", { id: "a", n: 101 }));
    assert.deepEqual(fault.toJSON(), TooMuch.with({ n: 101, max: 100 }).toJSON());
    assert.ok(TooMuch.is(fault));
    assert.equal(await count(), 0);
  },

  async "brings no more of a bug than that there is one"({ send }) {
    const fault = await faultOf(send("put", { id: "a", n: 13 }));
    assert.deepEqual([fault.code, fault.kind, fault.data], ["kernel/broken", "broken", undefined]);
    assert.ok(!JSON.stringify(fault).includes("SELECT"));
  },

  async "says of a fault whether it was repeated already, so that nobody else repeats it"({ send }) {
    assert.equal(wasRetried(await faultOf(send("retried", {}))), true);
    assert.equal(wasRetried(await faultOf(send("put", { id: "a", n: 101 }))), false);
  },

  async "lets the callee check what it is asked"({ send, probe }) {
    const fault = await faultOf(send("put", { id: 3, n: 0.5, more: true }));
    assert.ok(Invalid.is(fault));
    assert.deepEqual(fault.data.issues.map(({ path }) => path).toSorted(), ["", "/id", "/n"]);
    assert.equal(probe.runs, 0);
  },

  async "lets the callee decide who may ask"({ send, probe }) {
    assert.ok(Undeclared.is(await faultOf(send("put", { id: "a", n: 1 }, { caller: "stranger" }))));
    const asked = { caller: undefined, identity: alice };
    assert.ok(Forbidden.is(await faultOf(send("put", { id: "a", n: 1 }, asked))));
    assert.ok(Unauthenticated.is(await faultOf(send("secret", {}, { caller: undefined }))));
    assert.ok(Forbidden.is(await faultOf(send("secret", {}, asked))));
    assert.equal(probe.runs, 0);
    const insider = { ...alice, roles: ["insider"] };
    assert.equal((await send("secret", {}, { caller: undefined, identity: insider })).output, true);
  },

  async "rejects, and does not throw, when there is no such operation"({ transport, send }) {
    assert.ok(UnknownOperation.is(await faultOf(send("nothing", {}))));
    assert.equal(typeof transport.send, "function");
  },

  async "tells the callee who asks, for whom, how much it matters, and what is left of the time"({ send, clock }) {
    const more = { identity: alice, criticality: "high" as const, deadlineAt: clock.monotonicMs() + 30_000 };
    const { remainingMs, ...seen } = (await send("seen", {}, more)).output as { remainingMs: number };
    const named = { caller: "caller", subject: "alice", roles: ["customer"], criticality: "high" };
    assert.deepEqual(seen, { ...named, mayBeStale: false });
    assert.ok(remainingMs > 0 && remainingMs <= 30_000, String(remainingMs));
    const again = (await send("seen", {}, { ...more, mayBeStale: true })).output as { mayBeStale: boolean };
    assert.equal(again.mayBeStale, true);
  },

  async "does not begin what is too late"({ send, probe, clock, count }) {
    const passed = { deadlineAt: clock.monotonicMs() - 1 };
    assert.ok(DeadlineExceeded.is(await faultOf(send("put", { id: "a", n: 1 }, passed))));
    assert.deepEqual([probe.runs, await count()], [0, 0]);
  },

  async "ends a call at its deadline, for the caller and for the callee"({ send, probe, clock }) {
    const aborted = new Promise<void>((resolve) => (probe.onAbort = resolve));
    // On a busy machine a call may be too late to begin: it is given more time then.
    for (let givenMs = 50; probe.runs === 0; givenMs *= 2) {
      const deadlineAt = clock.monotonicMs() + givenMs;
      assert.ok(DeadlineExceeded.is(await faultOf(send("hang", {}, { deadlineAt }))));
      assert.ok(clock.monotonicMs() >= deadlineAt - 0.001);
    }
    await aborted;
  },

  async "gives a call no more time than its contract does, whatever its caller says"({ send, clock }) {
    const { output } = await send("brief", {}, { deadlineAt: clock.monotonicMs() + 100_000 });
    assert.ok((output as number) > 0 && (output as number) <= 500, String(output));
  },

  async "lets the callee know that the caller gave up"({ send, probe }) {
    const abort = new AbortController();
    const begun = new Promise<void>((resolve) => (probe.onHang = resolve));
    const aborted = new Promise<void>((resolve) => (probe.onAbort = resolve));
    const sending = send("hang", {}, { signal: abort.signal });
    const ended = Promise.allSettled([sending]);
    await begun;
    abort.abort();
    await aborted;
    await ended;
  },

  async "keeps many calls apart"({ send }) {
    const texts = Array.from({ length: 50 }, (_, n) => `text ${n}`);
    const replies = await Promise.all(texts.map((text) => send("echo", { ...INPUT, text })));
    assert.deepEqual(
      replies.map(({ output }) => (output as { text: string }).text),
      texts,
    );
  },
};

let keys = 0;

function setupOf(subject: TransportSubject, probe: CalleeProbe): Setup {
  const send: Setup["send"] = (operation, input, more = {}) =>
    subject.transport.send({
      ...{ service: "callee", operation, input, key: `key ${(keys += 1)}`, clientKey: false, attempt: 1 },
      ...{ caller: "caller", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
      deadlineAt: subject.clock.monotonicMs() + 20_000,
      ...more,
    });
  return { ...subject, probe, send, count: async () => (await send("count", {}, { key: undefined })).output };
}

/** Declares the suite. `make` gives a transport to a callee of its own, made with {@link calleeSystem}, to each case. */
export function transportConformance(name: string, make: (probe: CalleeProbe) => Promise<TransportSubject>): void {
  void describe(`transport: ${name}`, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, async () => {
        const probe: CalleeProbe = { runs: 0, received: undefined, onHang: () => {}, onAbort: () => {} };
        const subject = await make(probe);
        try {
          await run(setupOf(subject, probe));
        } finally {
          await subject.close();
        }
      });
    }
  });
}
