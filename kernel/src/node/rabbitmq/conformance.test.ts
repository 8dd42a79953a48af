/** The suites of brokers and of sources, against a real server; and what happens when it dies. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BrokerUnavailable, Relay, piecesOf } from "../../events/mod.ts";
import { type Smuggled, brokerConformance, runOf } from "../../events/testing/conformance.ts";
import { Hearer, Teller } from "../../events/testing/setup.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { type RabbitServer, hasRabbit, startRabbit } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { type RabbitLink, openRabbit, rabbitBroker } from "./mod.ts";

const clock = systemClock();
const random = systemRandom();
const skip = hasRabbit() ? false : "rabbitmq-server is not installed: apt-get install rabbitmq-server";

if (skip === false) {
  const folder = mkdtempSync(join(tmpdir(), "isomer-rabbit-"));
  let server: RabbitServer;
  before(async () => {
    server = await startRabbit({ folder });
  });
  const links: RabbitLink[] = [];
  after(async () => {
    for (const link of links) await link.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const linked = async (log = silentLogger): Promise<RabbitLink> => {
    const link = openRabbit({ url: server.url, clock, random, log, requestMs: 5_000 });
    links.push(link);
    await link.up();
    return link;
  };

  const opened = async (log = silentLogger) => {
    const link = await linked(log);
    const broker = rabbitBroker({ link, clock, random });
    return {
      ...{ broker, link, anew: () => rabbitBroker({ link, clock, random }), foreign: () => link.foreignMessages },
      async smuggle({ after, upTo, text }: Smuggled) {
        const channel = await link.connection().createConfirmChannel();
        const headers = { "isomer-after": after, "isomer-up-to": upTo };
        channel.sendToQueue("isomer.shop", Buffer.from(text), { headers });
        await channel.waitForConfirms();
        await channel.close();
      },
      async close() {
        broker.close();
        const channel = await link.connection().createChannel();
        for (const service of ["shop", "other"]) await channel.deleteQueue(`isomer.${service}`);
        await link.close();
      },
    };
  };

  brokerConformance("RabbitMQ", opened, { hasTexts: true });

  test("what two relays wrote is read once, in order, from any position", async () => {
    const [first, second] = [await opened(), await opened()];
    await first.broker.append(runOf(0, 10));
    await first.broker.append(runOf(10, 20));
    const source = first.broker.source("shop");
    // One that does not know of the other, and is late.
    const late = runOf(5, 15);
    const headers = { "isomer-after": late.after, "isomer-up-to": late.upTo };
    const channel = await second.link.connection().createConfirmChannel();
    for (const { text } of piecesOf(late, 0, { cutAt: 100_000, bytesMax: 100_000 }))
      channel.sendToQueue("isomer.shop", Buffer.from(text), { headers });
    await channel.waitForConfirms();
    // Who comes now finds the late one at the end.
    const last = rabbitBroker({ link: second.link, clock, random });
    assert.equal(await last.head("shop"), 20);
    assert.equal((await last.source("shop").read({ after: 16, limit: 100 })).upTo, 20);
    await first.broker.append(runOf(20, 30));
    for (const position of [0, 12, 17, 20, 25]) {
      const cold = rabbitBroker({ link: second.link, clock, random });
      const { events } = await cold.source("shop").read({ after: position, limit: 100 });
      assert.deepEqual(
        events.map((event) => event.position),
        Array.from({ length: 30 - position }, (_, index) => position + index + 1),
      );
    }
    assert.equal((await source.read({ after: 0, limit: 100 })).events.length, 30);
    second.broker.close();
    await second.link.close();
    await first.close();
  });

  test("a message that is no run of events is told of, and stops neither relay nor readers", async (context) => {
    const told: string[] = [];
    const log = {
      ...silentLogger,
      error: (text: string, more?: object) => told.push(`${text} ${JSON.stringify(more)}`),
    };
    const [telling, hearing] = [await opened(), await opened(log)];
    const { broker } = telling;
    await broker.append(runOf(0, 3));
    const source = hearing.broker.source("shop");
    const deaf = source.onAppend(() => {});
    context.after(deaf);
    const channel = await telling.link.connection().createConfirmChannel();
    const junk = async (text: string, headers?: Record<string, unknown>): Promise<void> => {
      channel.sendToQueue("isomer.shop", Buffer.from(text), headers === undefined ? {} : { headers });
      await channel.waitForConfirms();
    };
    // Who comes anew finds the end of the queue by itself.
    const anew = () => rabbitBroker({ link: telling.link, clock, random });

    await junk("junk");
    assert.equal(await anew().head("shop"), 3);
    assert.equal(await broker.append(runOf(3, 5)), 5);
    // More than are gone past at once, and of each kind.
    for (let n = 0; n < 1_100; n += 1) channel.sendToQueue("isomer.shop", Buffer.from(`{"n":${n}}`));
    await channel.waitForConfirms();
    await junk("junk", { "isomer-after": 5 });
    await junk("junk", { "isomer-after": "x", "isomer-up-to": [9] });
    await junk("junk", { "isomer-after": 5, "isomer-up-to": 9 });
    await junk("", { "isomer-after": 9, "isomer-up-to": 5 });
    await junk("", { "isomer-after": -1, "isomer-up-to": 9 });
    assert.equal(await broker.head("shop"), 5);
    assert.equal(await anew().head("shop"), 5);
    await until(async () => (await source.read({ after: 0, limit: 100 })).upTo === 5);
    assert.equal(await anew().append(runOf(5, 8)), 8);
    await until(async () => (await source.read({ after: 6, limit: 10 })).upTo === 8);
    for (const reader of [source, anew().source("shop")]) {
      for (const after of [0, 3, 5, 7]) {
        const { events } = await reader.read({ after, limit: 100 });
        assert.deepEqual(events, runOf(after, 8).events);
      }
    }
    assert.equal(hearing.link.isUp, true);
    assert.ok(hearing.link.foreignMessages > 0 && told.length === hearing.link.foreignMessages);
    assert.match(told[0] ?? "", /no run of events.*isomer\.shop/);

    // With nothing but such messages there is nothing, and something can be added.
    deaf();
    await channel.deleteQueue("isomer.shop");
    await until(async () => (await broker.head("shop").catch(() => 8)) === 0);
    await junk("junk");
    assert.equal(await anew().head("shop"), 0);
    assert.equal(await anew().append(runOf(0, 2)), 2);
    assert.deepEqual((await anew().source("shop").read({ after: 0, limit: 9 })).events, runOf(0, 2).events);
    await hearing.link.close();
    await telling.close();
  });

  test("a reader finds its place in a queue that is added to all the time", async (context) => {
    const [telling, hearing] = [await opened(), await opened()];
    const state = { head: 0, isOver: false };
    const adding = (async () => {
      for (; !state.isOver; state.head += 1) await telling.broker.append(runOf(state.head, state.head + 1));
    })();
    context.after(async () => {
      state.isOver = true;
      await adding;
      hearing.broker.close();
      await hearing.link.close();
      await telling.close();
    });
    await until(() => state.head > 5);
    const { events } = await hearing.broker.source("shop").read({ after: 2, limit: 3 });
    assert.deepEqual(
      events.map(({ position }) => position),
      [3, 4, 5],
    );
  });

  test(
    "a server that takes the connection and says nothing is left, and asked again",
    { timeout: 20_000 },
    async () => {
      const asked: Socket[] = [];
      const mute = createServer((socket) => void asked.push(socket.on("error", () => {}))).listen(0, "127.0.0.1");
      await once(mute, "listening");
      const url = `amqp://127.0.0.1:${(mute.address() as AddressInfo).port}`;
      const link = openRabbit({ url, clock, random, log: silentLogger, connectMs: 50 });
      await until(() => asked.length > 1);
      await link.close();
      for (const socket of asked) socket.destroy();
      mute.close();
    },
  );

  test("a queue that could not be read leaves no channel open", async () => {
    const link = openRabbit({ url: server.url, clock, random, log: silentLogger, requestMs: 60 });
    links.push(link);
    await link.up();
    const broker = rabbitBroker({ link, clock, random });
    // It takes longer to find the end of a queue than an answer may here.
    for (let n = 0; n < 5; n += 1) await assert.rejects(broker.head("shop"), BrokerUnavailable.is);
    const { channels } = (link.connection() as unknown as { connection: { channels: unknown[] } }).connection;
    // The connection's own is the first.
    await until(() => channels.filter((channel) => channel !== null && channel !== undefined).length === 1);
    await link.close();
  });

  test("a queue that was removed takes the head back, and is filled again", async () => {
    const { broker, link, close } = await opened();
    const source = broker.source("shop");
    await broker.append(runOf(0, 5));
    assert.equal((await source.read({ after: 0, limit: 10 })).upTo, 5);
    await (await link.connection().createChannel()).deleteQueue("isomer.shop");
    await until(async () => (await broker.head("shop").catch(() => 5)) === 0);
    assert.equal(await broker.append(runOf(5, 6)), 0, "a relay that goes on is told");
    assert.equal(await broker.append(runOf(0, 6)), 6);
    const other = await opened();
    assert.equal((await other.broker.source("shop").read({ after: 0, limit: 10 })).events.length, 6);
    assert.equal((await source.read({ after: 5, limit: 10 })).events.length, 1);
    other.broker.close();
    await other.link.close();
    await close();
  });

  test("a server that is killed loses and doubles nothing in effect", { timeout: 90_000 }, async () => {
    const [teller, telling, hearing] = [await Teller.open(), await opened(), await linked()];
    const hearer = await Hearer.open(teller);
    const reading = rabbitBroker({ link: hearing, clock, random });
    const { source } = teller;
    const relay = new Relay({ source, broker: telling.broker, clock, random, log: silentLogger, checkMs: 50 });
    relay.start();
    const consumer = hearer.consumer({
      ...{ clock, random, source: reading.source("shop") },
      limits: { backoffBaseMs: 1, backoffMaxMs: 100 },
    });
    const stop = new AbortController();
    const running = consumer.run(stop.signal);
    const tell = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) {
        await teller.tell({ id: "a", n });
        relay.wake();
      }
    };
    await tell(0, 60);
    await until(async () => (await hearer.seen()).length > 5);
    await server.stop("SIGKILL");
    await until(() => !telling.link.isUp);
    await assert.rejects(telling.broker.head("shop"), BrokerUnavailable.is);
    await tell(60, 90);
    await server.start();
    await until(async () => (await hearer.seen()).length >= 90);
    assert.deepEqual(
      (await hearer.seen()).map(({ n }) => n),
      Array.from({ length: 90 }, (_, n) => n),
    );
    stop.abort();
    await Promise.all([running, relay.stop()]);
    reading.close();
    await hearing.close();
    await telling.close();
  });
} else {
  test("the conformance of RabbitMQ", { skip });
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
