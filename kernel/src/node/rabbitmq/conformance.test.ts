/** The suites of brokers and of sources, against a real server; and what happens when it dies. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BrokerUnavailable, Relay, piecesOf } from "../../events/mod.ts";
import { brokerConformance, runOf } from "../../events/testing/conformance.ts";
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

  const linked = async (): Promise<RabbitLink> => {
    const link = openRabbit({ url: server.url, clock, random, log: silentLogger, requestMs: 5_000 });
    links.push(link);
    await link.up();
    return link;
  };

  const opened = async () => {
    const link = await linked();
    const broker = rabbitBroker({ link, clock, random });
    return {
      ...{ broker, link },
      async close() {
        broker.close();
        const channel = await link.connection().createChannel();
        for (const service of ["shop", "other"]) await channel.deleteQueue(`isomer.${service}`);
        await link.close();
      },
    };
  };

  brokerConformance("RabbitMQ", opened);

  test("what two relays wrote is read once, in order, from any position", async () => {
    const [first, second] = [await opened(), await opened()];
    await first.broker.append(runOf(0, 10));
    await first.broker.append(runOf(10, 20));
    const source = first.broker.source("shop");
    // One that does not know of the other, and is late.
    const late = runOf(5, 15);
    const headers = { "isomer-after": late.after, "isomer-up-to": late.upTo };
    const channel = await second.link.connection().createConfirmChannel();
    for (const { text } of piecesOf(late, 0, 100_000))
      channel.sendToQueue("isomer.shop", Buffer.from(text), { headers });
    await channel.waitForConfirms();
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
