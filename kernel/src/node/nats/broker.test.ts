/** What JetStream adds to the suite: relays that are fenced, streams that are emptied, cut and lost. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { headers } from "@nats-io/transport-node";
import {
  BrokerUnavailable,
  EventTooLarge,
  type EventSource,
  EventsExpired,
  EventsPruned,
  Relay,
  logPositionAt,
  pruneLog,
} from "../../events/mod.ts";
import { eventAt, runOf } from "../../events/testing/conformance.ts";
import { Teller } from "../../events/testing/setup.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { type JetStreamBroker, type JetStreamBrokerOptions, type NatsLink, jetStreamBroker } from "./mod.ts";
import { makeStreams, natsHints, rewindStream } from "./mod.ts";
import { SKIP, emptyStream, linked, removeStreams, tempFolder, trimStream, until } from "./testing/setup.ts";

const clock = systemClock();
const random = systemRandom();

describe("JetStream", { skip: SKIP }, () => {
  const folder = tempFolder();
  let server: NatsServer;
  let link: NatsLink;
  const opened: { close(): unknown }[] = [];

  before(async () => {
    server = await startNats({ folder });
    link = await linked([server.port]);
  });
  after(async () => {
    await link.close();
    await server.stop("SIGKILL");
  });
  beforeEach(() => removeStreams(link));
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  const open = (more: Partial<JetStreamBrokerOptions> = {}): JetStreamBroker => {
    const broker = jetStreamBroker({ link, clock, random, make: {}, ...more });
    opened.unshift(broker);
    return broker;
  };

  test("of two relays, the one that is behind is told where the stream is, and adds nothing", async () => {
    const [first, second] = [open(), open()];
    assert.equal(await first.append(runOf(0, 3)), 3);
    assert.equal(await second.append(runOf(3, 4)), 4);
    // The first still believes that the stream ends at 3.
    assert.equal(await first.append(runOf(3, 6)), 6);
    assert.equal(await second.append(runOf(4, 5)), 6);
    assert.deepEqual(await positionsOf(first.source("shop")), [1, 2, 3, 4, 5, 6]);
    assert.equal(await messagesIn(link), 3, "one message for each run that brought something new");
  });

  test("many relays at once leave each event once, in order", async () => {
    const brokers = Array.from({ length: 6 }, () => open());
    const bring = async (broker: JetStreamBroker): Promise<void> => {
      for (let head = 0; head < 60;) head = await broker.append(runOf(head, Math.min(60, head + 7)));
    };
    await Promise.all(brokers.map(bring));
    const positions = await positionsOf(open().source("shop"));
    assert.deepEqual(
      positions,
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
  });

  test("a run that is larger than a message becomes several, and an event that is larger is refused", async () => {
    const broker = open({ messageBytesMax: 1_000 });
    assert.equal(await broker.append(runOf(0, 20)), 20);
    assert.ok((await messagesIn(link)) > 5);
    assert.deepEqual((await positionsOf(broker.source("shop"))).length, 20);
    const large = { ...eventAt(21), data: { text: "x".repeat(1_100_000) } };
    const appended = broker.append({ service: "shop", after: 20, upTo: 21, events: [large] });
    await assert.rejects(appended, (error) => EventTooLarge.is(error) && error.data.position === 21);
    assert.equal(await broker.head("shop"), 20);
  });

  test("a stream that was removed, or emptied, takes the head back, and is filled again", async () => {
    const broker = open();
    const source = broker.source("shop");
    opened.unshift({ close: source.onAppend(() => {}) });
    await broker.append(runOf(0, 5));
    assert.equal((await source.read({ after: 3, limit: 10 })).upTo, 5);
    await emptyStream(link, "ISOMER_shop");
    assert.equal(await broker.head("shop"), 0);
    assert.equal(await broker.append(runOf(0, 7)), 7);
    assert.deepEqual(await positionsOf(source), [1, 2, 3, 4, 5, 6, 7]);
    await removeStreams(link);
    await assert.rejects(broker.append(runOf(7, 9)), BrokerUnavailable.is, "it was believed to be there");
    assert.equal(await broker.append(runOf(7, 9)), 0, "a relay that goes on is told");
    assert.equal(await broker.append(runOf(0, 9)), 9);
    await until(async () => (await source.read({ after: 5, limit: 10 })).upTo === 9);
    assert.deepEqual(await positionsOf(source, 5), [6, 7, 8, 9]);
  });

  test("a message that is no run of events is told of, and stops neither relay nor readers", async () => {
    const told: string[] = [];
    const heard = await linked([server.port], {
      log: { ...silentLogger, error: (message, details) => told.push(`${message} ${String(details?.["place"])}`) },
    });
    opened.unshift(heard);
    const [broker, source] = [open(), open({ link: heard }).source("shop")];
    opened.unshift({ close: source.onAppend(() => {}) });
    const junk = async (text: string, about: Record<string, string> = {}): Promise<void> => {
      const all = headers();
      for (const [name, value] of Object.entries(about)) all.set(name, value);
      link.connection().publish("isomer.events.shop", text, { headers: all });
      await link.connection().flush();
    };
    await broker.append(runOf(0, 3));
    await junk("junk");
    assert.equal(await broker.head("shop"), 3);
    assert.equal(await broker.append(runOf(3, 5)), 5);
    // More than are asked for at once, and of each kind.
    for (let n = 0; n < 40; n += 1) await junk(`{"n":${n}}`);
    await junk("junk", { "Isomer-After": "5" });
    await junk("junk", { "Isomer-After": "x", "Isomer-Up-To": "y" });
    await junk("junk", { "Isomer-After": "5", "Isomer-Up-To": "9" });
    await junk("", { "Isomer-After": "9", "Isomer-Up-To": "5" });
    assert.equal(await open().head("shop"), 5);
    await until(async () => (await source.read({ after: 0, limit: 100 })).upTo === 5);
    assert.equal(await open().append(runOf(5, 8)), 8);
    await until(async () => (await source.read({ after: 6, limit: 10 })).upTo === 8);
    for (const reader of [source, open().source("shop")]) {
      assert.deepEqual(await positionsOf(reader), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
    assert.equal(heard.isUp, true);
    assert.ok(heard.foreignMessages > 0 && told.length === heard.foreignMessages);
    assert.match(told[0] ?? "", /no run of events.* \d+$/);
    // With nothing but such messages there is nothing, and something can be added.
    await emptyStream(link, "ISOMER_shop");
    await junk("junk");
    const anew = open();
    assert.equal(await anew.head("shop"), 0);
    assert.equal(await anew.append(runOf(0, 2)), 2);
  });

  test("a listener that throws ends nobody's listening", async () => {
    const told: string[] = [];
    const own = await linked([server.port], { log: { ...silentLogger, error: (message) => told.push(message) } });
    opened.unshift(own);
    const heard: string[] = [];
    own.subscribe("isomer.test", () => {
      throw new Error("mistaken");
    });
    own.subscribe("isomer.test", ({ data }) => heard.push(new TextDecoder().decode(data)));
    await own.connection().flush();
    for (const text of ["a", "b"]) link.connection().publish("isomer.test", text);
    await until(() => heard.length === 2);
    assert.deepEqual(told, ["A message could not be taken.", "A message could not be taken."]);
    assert.equal(await open({ link: own }).head("shop"), 0);
  });

  test("streams that were made before may not be purged either", async () => {
    const republish = { src: "isomer.events.shop", dest: "isomer.stored.shop" };
    await link.jetStream("test", ({ manager }) =>
      manager.streams.add({ name: "ISOMER_shop", subjects: ["isomer.events.shop"], republish }),
    );
    await makeStreams(link, ["shop"]);
    const purged = link.jetStream("test", ({ manager }) => manager.streams.purge("ISOMER_shop"));
    await assert.rejects(purged, /purge not permitted/);
  });

  test("a rewind that was broken off is carried on by the next one", async () => {
    const broker = open();
    for (let head = 0; head < 10;) head = await broker.append(runOf(head, head + 2));
    await link.jetStream("test", ({ manager }) => manager.streams.update("ISOMER_shop", { max_msgs: 1 }));
    await rewindStream(link, "shop", 4);
    assert.equal(await broker.head("shop"), 4);
    for (let head = 4; head < 10;) head = await broker.append(runOf(head, head + 2));
    assert.deepEqual(await positionsOf(open().source("shop"), 4), [5, 6, 7, 8, 9, 10]);
  });

  test("a reader finds its position in a long stream, and keeps little of what it read", async () => {
    const broker = open();
    for (let head = 0; head < 300;) head = await broker.append(runOf(head, head + 3));
    for (const after of [0, 1, 2, 149, 150, 151, 298, 299]) {
      const cold = open().source("shop");
      const { events } = await cold.read({ after, limit: 1 });
      assert.equal(events[0]?.position, after + 1);
    }
    assert.equal((await positionsOf(open().source("shop"), 0, 10)).length, 300);
  });

  test("a reader that is behind what is kept is told, and a rewind lets it go on", async () => {
    const teller = await Teller.open();
    const broker = open();
    const relay = new Relay({ source: teller.source, broker, clock, random, log: silentLogger, checkMs: 20 });
    await teller.tell(...[1, 2, 3, 4, 5, 6].map((n) => ({ id: "a", n })));
    relay.start();
    opened.unshift({ close: () => relay.stop() });
    await until(async () => (await broker.head("shop")) === 6);
    // It would take what the log does not have for a loss of the log, and may be at that while the stream is rewound.
    await relay.stop();
    await broker.append(runOf(6, 8));
    const [last] = await teller.source.read({ after: 5, limit: 1 }).then(({ events }) => events);
    // The oldest are gone, as the stream's limits make it.
    await trimStream(link, "ISOMER_shop", 1);
    const source = open().source("shop");
    const expired = source.read({ after: 2, limit: 10 });
    await assert.rejects(expired, (error) => EventsExpired.is(error) && error.data.first === 6);
    assert.deepEqual(await positionsOf(source, 6), [7, 8]);

    const position = await teller.database.read({ label: "since" }, (connection) =>
      logPositionAt(connection, "shop", last?.at ?? 0),
    );
    assert.equal(position, 0, "the clock stood still while they were recorded");
    await rewindStream(link, "shop", 2);
    relay.start();
    await until(async () => (await broker.head("shop")) === 6);
    assert.deepEqual(await positionsOf(source, 2), [3, 4, 5, 6]);
    await assert.rejects(open().source("shop").read({ after: 1, limit: 10 }), EventsExpired.is);
  });

  test("a rewind to before what was deleted sends what is left, and tells who had begun", async () => {
    const teller = await Teller.open();
    const broker = open();
    const relay = new Relay({ source: teller.source, broker, clock, random, log: silentLogger, checkMs: 20 });
    opened.unshift({ close: () => relay.stop() });
    await teller.tell(...[1, 2, 3, 4, 5, 6].map((n) => ({ id: "a", n })));
    relay.start();
    await until(async () => (await broker.head("shop")) === 6);
    await teller.database.write({ label: "prune" }, (connection) => pruneLog(connection, "moved", 4));
    await rewindStream(link, "shop", 0);
    await until(async () => (await broker.head("shop")) === 6);
    const source = open().source("shop");
    const { events, holes } = await source.read({ after: 0, limit: 10, missed: 4 });
    assert.deepEqual([events.map(({ position }) => position), holes], [[5, 6], { moved: 4 }]);
    await assert.rejects(source.read({ after: 2, limit: 10 }), EventsPruned.is);
    assert.deepEqual(await positionsOf(source, 4), [5, 6]);
  });

  test("the end of a quiet stream outlives the age that events are kept for", async () => {
    const ageMsMax = 600;
    await makeStreams(link, ["shop"], { ageMsMax });
    const broker = open({ ageMsMax });
    await broker.append(runOf(0, 3));
    const expired = async (): Promise<boolean> => {
      assert.equal(await broker.head("shop"), 3);
      return await open()
        .source("shop")
        .read({ after: 0, limit: 10 })
        .then(() => false, EventsExpired.is);
    };
    await until(expired);
    assert.deepEqual(await positionsOf(open().source("shop"), 3), []);
    assert.equal(await broker.append(runOf(3, 4)), 4);
  });

  test("while NATS is away everything is refused at once, and afterwards it goes on", async () => {
    const away = await startNats({ folder: tempFolder() });
    const own = await linked([away.port]);
    opened.unshift(own, { close: () => away.stop("SIGKILL") });
    const broker = open({ link: own });
    const source = broker.source("shop");
    await broker.append(runOf(0, 2));
    await away.stop("SIGKILL");
    await until(() => !own.isUp);
    for (const asked of [
      broker.append(runOf(2, 3)),
      broker.head("shop"),
      source.head(),
      open({ link: own }).source("shop").read({ after: 0, limit: 1 }),
    ]) {
      await assert.rejects(asked, BrokerUnavailable.is);
    }
    natsHints(own, random).tell("shop");
    await away.start();
    await until(() => own.isUp);
    assert.equal(await broker.append(runOf(2, 3)), 3);
    assert.deepEqual(await positionsOf(source), [1, 2, 3]);
  });

  test("a server that stops answering costs no more than the time for an answer", async () => {
    const stuck = await startNats({ folder: tempFolder() });
    const own = await linked([stuck.port], { requestMs: 100 });
    opened.unshift(own, { close: () => stuck.stop("SIGKILL") });
    const broker = open({ link: own });
    await broker.append(runOf(0, 2));
    stuck.signal("SIGSTOP");
    let head = 2;
    const refused = async (): Promise<boolean> => {
      const appended = broker.append(runOf(head, head + 1));
      return await appended.then((at) => ((head = at), false), BrokerUnavailable.is);
    };
    await until(refused);
    stuck.signal("SIGCONT");
    await until(async () => (await broker.append(runOf(head, head + 1)).catch(() => 0)) === head + 1);
    assert.equal((await positionsOf(broker.source("shop"))).length, head + 1);
  });

  test("a hint wakes the other replicas of the service, and nobody else", async () => {
    const other = await linked([server.port]);
    opened.unshift(other);
    const [here, there] = [natsHints(link, random), natsHints(other, random)];
    const heard: string[] = [];
    const ends = [
      here.onTold("shop", () => heard.push("here")),
      there.onTold("shop", () => heard.push("there")),
      there.onTold("desk", () => heard.push("desk")),
    ];
    await other.connection().flush();
    here.tell("shop");
    await until(() => heard.length > 0);
    await Promise.all([link, other].map((one) => one.connection().flush()));
    assert.deepEqual(heard, ["there"]);
    for (const end of ends) end();
    here.tell("shop");
    await Promise.all([link, other].map((one) => one.connection().flush()));
    assert.deepEqual(heard, ["there"]);
  });
});

/** The positions that a source gives after one. */
async function positionsOf(source: EventSource, after = 0, limit = 100): Promise<number[]> {
  const positions: number[] = [];
  for (let [at, more] = [after, true]; more;) {
    const batch = await source.read({ after: at, limit });
    positions.push(...batch.events.map(({ position }) => position));
    ({ upTo: at, more } = batch);
  }
  return positions;
}

async function messagesIn(link: NatsLink): Promise<number> {
  return await link.jetStream("test", async ({ manager }) => {
    const { state } = await manager.streams.info("ISOMER_shop");
    return state.messages;
  });
}
