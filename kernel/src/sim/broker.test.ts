/** What the simulated broker loses and repeats, and that a relay and a consumer get over it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Broker, type EventSource, type LogSource, Relay } from "../events/mod.ts";
import { runOf } from "../events/testing/conformance.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { silentLogger } from "../std/mod.ts";
import { Unreachable } from "../transport/mod.ts";
import { BROKER, SimBroker } from "./broker.ts";
import { forkedRandom } from "./random.ts";
import { Stage, type StageOptions, outcomeOf } from "./testing/stage.ts";

/** Longer than any message takes without a fault, and shorter than any poll. */
const PROMPT_MS = 10;
/** Longer than the broker takes until it has written something down. */
const SYNCED_MS = 400;

function setup(options: StageOptions = {}) {
  const stage = new Stage(options);
  const { scheduler, network, faults, history } = stage;
  const machine = stage.machine("host");
  const incarnation = machine.born();
  const sim = new SimBroker({ machine: stage.machine(BROKER), scheduler, network, faults, history });
  sim.start();
  const client = sim.clientOf(machine, incarnation, forkedRandom(1, "poll"));
  return { stage, machine, incarnation, sim, client };
}

/** A log on the host, and its relay. */
function relayed(options: StageOptions = {}) {
  const parts = setup(options);
  const { machine, incarnation, client } = parts;
  const log = new MemoryBroker();
  const source = Object.assign(log.source("shop"), {
    losses: 0,
    async ids({ after, upTo }: { after: number; upTo: number }) {
      const { events } = await log.source("shop").read({ after, limit: upTo - after });
      return new Map(events.map(({ position, id }) => [position, id]));
    },
  }) as EventSource as LogSource;
  const relay = new Relay({
    ...{ source, broker: client, clock: machine.clockOf(incarnation), random: forkedRandom(1, "relay") },
    log: silentLogger,
  });
  relay.start();
  const record = (upTo: number) => log.head("shop").then((after) => log.append(runOf(after, upTo)));
  return { ...parts, record };
}

async function positions(stage: Stage, source: EventSource, after = 0): Promise<number[]> {
  const { events } = await stage.settle(source.read({ after, limit: 1_000 }));
  return events.map(({ position }) => position);
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

async function append(stage: Stage, client: Broker, from: number, to: number): Promise<number> {
  return stage.settle(client.append(runOf(from, to)));
}

describe("a broker that dies", () => {
  test("loses what it had not written down, and no more", async () => {
    const { stage, sim, client } = setup();
    await append(stage, client, 0, 3);
    await stage.pass(SYNCED_MS);
    await append(stage, client, 3, 5);
    assert.equal(await stage.settle(client.head("shop")), 5);
    sim.dies(false);
    sim.start();
    assert.equal(await stage.settle(client.head("shop")), 3);
    assert.deepEqual(await positions(stage, client.source("shop")), [1, 2, 3]);
    assert.equal(await append(stage, client, 3, 5), 5);
    assert.deepEqual(await positions(stage, client.source("shop")), upTo(5));
  });

  test("loses everything when it is wiped", async () => {
    const { stage, sim, client } = setup();
    await append(stage, client, 0, 3);
    await stage.pass(SYNCED_MS);
    sim.dies(true);
    sim.start();
    assert.equal(await stage.settle(client.head("shop")), 0);
    assert.deepEqual(await positions(stage, client.source("shop")), []);
  });

  test("cannot be reached while it is down", async () => {
    const { stage, sim, client } = setup();
    sim.dies(false);
    await assert.rejects(stage.settle(client.head("shop")), Unreachable.is);
    await assert.rejects(append(stage, client, 0, 1), Unreachable.is);
  });

  for (const wiped of [false, true]) {
    test(`${wiped ? "and is wiped " : ""}gets from the relay what it lost`, async () => {
      const { stage, sim, client, record } = relayed();
      await record(3);
      await stage.pass(SYNCED_MS);
      await record(6);
      await stage.pass(PROMPT_MS);
      assert.deepEqual(await positions(stage, client.source("shop")), upTo(6));
      sim.dies(wiped);
      await record(7);
      await stage.pass(500);
      sim.start();
      await stage.pass(2_500);
      assert.deepEqual(await positions(stage, client.source("shop")), upTo(7));
    });
  }
});

describe("a drawn fault", () => {
  for (const kind of ["publish lost", "ack lost"] as const) {
    test(`(${kind}) loses the ${kind === "ack lost" ? "answer" : "events"}, and the relay sends again`, async () => {
      const only = new Set([`${kind}: host>broker append shop `]);
      const { stage, client, record } = relayed({ rates: { [kind]: 1 }, only });
      await record(3);
      await stage.pass(PROMPT_MS);
      assert.equal(await stage.settle(client.head("shop")), kind === "ack lost" ? 3 : 0);
      await stage.pass(3_000);
      assert.equal(stage.faults.happened.length, 1);
      assert.deepEqual(await positions(stage, client.source("shop")), upTo(3));
    });
  }

  test("(event redelivered) gives again what was given before, in order, and what was asked for", async () => {
    const { stage, client } = setup({ rates: { "event redelivered": 1 } });
    await append(stage, client, 0, 10);
    const source = client.source("shop");
    const given = await positions(stage, source, 5);
    assert.ok(given.length > 5 && given.length <= 9, String(given));
    assert.deepEqual(given, upTo(10).slice(10 - given.length));
    assert.deepEqual(await positions(stage, source, 0), upTo(10), "there is nothing before the first");
    assert.ok((await positions(stage, source, 10)).length > 0);
  });

  test("(event late) does not tell those who listen, who look for themselves in a while", async () => {
    for (const isLate of [true, false]) {
      const { stage, client } = setup({ rates: { "event late": isLate ? 1 : 0 } });
      let told = 0;
      client.source("shop").onAppend(() => (told += 1));
      await append(stage, client, 0, 1);
      await stage.pass(PROMPT_MS);
      assert.equal(told, isLate ? 0 : 1);
      await stage.pass(1_300);
      assert.ok(told > (isLate ? 0 : 1));
    }
  });
});

describe("a listener of the broker", () => {
  test("that ended is not told, nor does ending again end the one in its place", async () => {
    const { stage, client } = setup();
    const told: string[] = [];
    const source = client.source("shop");
    const end = source.onAppend(() => told.push("a"));
    end();
    source.onAppend(() => told.push("b"));
    end();
    await append(stage, client, 0, 1);
    await stage.pass(PROMPT_MS);
    assert.deepEqual(told, ["b"]);
  });

  test("of a process that died is not told, by news or by its own looking", async () => {
    const { stage, machine, client } = setup();
    let told = 0;
    client.source("shop").onAppend(() => (told += 1));
    machine.dies();
    const asking = client.append(runOf(0, 1));
    await stage.pass(5_000);
    assert.equal(told, 0);
    assert.equal(await outcomeOf(asking), "waits");
  });

  test("is named after its machine, in its next life as in the one before", async () => {
    const { stage, machine, sim, client } = setup({ rates: { "event late": 1 } });
    client.source("shop").onAppend(() => {});
    await append(stage, client, 0, 1);
    machine.dies();
    const next = sim.clientOf(machine, machine.born(), forkedRandom(1, "poll"));
    next.source("shop").onAppend(() => {});
    await append(stage, next, 1, 2);
    assert.deepEqual(
      stage.faults.happened.map(({ name }) => name),
      [1, 2].map((position) => `broker>host/0 news of shop up to ${position}`),
    );
  });
});
