/** Promise 2 over a real broker: servers die under a relay and its consumers, and each event takes effect once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headers } from "@nats-io/transport-node";
import { type Consumer, Relay, countDeadLetters, redriveDeadLetters } from "../../events/mod.ts";
import { Hearer, Teller, see } from "../../events/testing/setup.ts";
import { Broken, silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats, startNatsCluster } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { type NatsLink, type StreamOptions, jetStreamBroker, makeStreams } from "./mod.ts";
import { SKIP, linked, tempFolder, until } from "./testing/setup.ts";

const clock = systemClock();
const random = systemRandom();

describe("events through servers that die", { skip: SKIP }, () => {
  test("a server that is killed and starts again loses and doubles nothing", async (context) => {
    const server = await startNats({ folder: tempFolder() });
    const flow = await Flow.open([server.port], {});
    context.after(() => flow.close().then(() => server.stop("SIGKILL")));
    for (let round = 0; round < 4; round += 1) {
      await flow.tell(60);
      // Somewhere in the middle: some were acknowledged, some were not.
      await until(async () => (await flow.seen()).length > round * 80 + 5);
      await server.stop("SIGKILL");
      await flow.tell(20);
      await server.start();
    }
    await flow.settled();
  });

  test("a server that lost all it had is filled again, and nothing is doubled", async (context) => {
    const server = await startNats({ folder: tempFolder() });
    const flow = await Flow.open([server.port], {});
    context.after(() => flow.close().then(() => server.stop("SIGKILL")));
    await flow.tell(50);
    await until(async () => (await flow.seen()).length > 0);
    await server.stop("SIGKILL");
    server.wipe();
    await server.start();
    await flow.tell(30);
    await flow.settled();
    // Who comes late hears everything.
    await flow.addConsumer("late");
    await until(async () => (await flow.seen("late")).length === 80);
  });

  test("what one consumer cannot handle becomes a dead letter, and is handled when it is redriven", async (context) => {
    const server = await startNats({ folder: tempFolder() });
    const flow = await Flow.open([server.port], {});
    context.after(() => flow.close().then(() => server.stop("SIGKILL")));
    const picky = await flow.addConsumer("picky", { refuses: 3 });
    await flow.tell(10);
    const { database } = picky.hearer;
    await until(() =>
      database.read({ label: "dead" }, async (sql) => (await countDeadLetters(sql)).get("picky") === 1),
    );
    await until(async () => (await flow.seen("picky")).length === 9);
    picky.mend();
    await redriveDeadLetters(picky.consumer, { limit: 10 });
    assert.deepEqual(
      (await flow.seen("picky")).toSorted((a, b) => a - b),
      Array.from({ length: 10 }, (_, n) => n),
    );
    await flow.settled();
  });

  test("a run with an event that cannot be read stops no consumer", { timeout: 60_000 }, async (context) => {
    const server = await startNats({ folder: tempFolder() });
    const flow = await Flow.open([server.port], {});
    context.after(() => flow.close().then(() => server.stop("SIGKILL")));
    for (let round = 0; round < 3; round += 1) {
      await flow.tell(10);
      await flow.settled();
      // As a faulty build of the service might: in its place, and right but for its body. The log has what it hides.
      const [about, head] = [headers(), 10 * (round + 1)];
      about.set("Isomer-After", String(head));
      about.set("Isomer-Up-To", String(head + 5));
      flow.link.connection().publish("isomer.events.shop", `${head + 1} moved {"id":"`, { headers: about });
      await flow.link.connection().flush();
    }
    await flow.tell(3);
    await flow.settled();
    await flow.addConsumer("late");
    await until(async () => (await flow.seen("late")).length === 33);
    assert.equal(flow.link.foreignMessages, 3, "whoever relays is told, too");
  });

  test("a server that ends while something is sent to it does not end the process", async (context) => {
    const server = await startNats({ folder: tempFolder() });
    context.after(() => server.stop("SIGKILL"));
    for (let round = 0; round < 6; round += 1) {
      const links = await Promise.all(Array.from({ length: 8 }, () => linked([server.port])));
      await server.stop(round % 2 === 0 ? "SIGKILL" : "SIGTERM");
      // What goes wrong here is an exception that nobody catches: the runner reports it.
      for (const link of links) if (link.isUp) link.connection().publish("anything", "x");
      await Promise.all(links.map((link) => link.close()));
      await server.start();
    }
  });

  test("a cluster whose leader is killed loses and doubles nothing", { timeout: 60_000 }, async (context) => {
    const cluster = await startNatsCluster({ folder: tempFolder() });
    const ports = cluster.servers.map(({ port }) => port);
    const flow = await Flow.open(ports, { replicas: 3 });
    context.after(() => flow.close().then(() => cluster.stop()));
    await flow.tell(60);
    await until(async () => (await flow.seen()).length > 5);
    const leader = await leaderOf(flow.link, cluster.servers);
    await leader.stop("SIGKILL");
    await flow.tell(20);
    await flow.settled();
    await leader.start();
    await flow.tell(20);
    await flow.settled();
  });
});

/** Which server leads the stream. */
async function leaderOf(link: NatsLink, servers: readonly NatsServer[]): Promise<NatsServer> {
  const name = await link.jetStream("leader", async ({ manager }) => {
    const { cluster } = await manager.streams.info("ISOMER_shop");
    return cluster?.leader;
  });
  const leader = servers.find((server) => server.name === name);
  assert.ok(leader);
  return leader;
}

interface Hearing {
  readonly hearer: Hearer;
  readonly consumer: Consumer;
  /** From now on it refuses nothing. */
  mend(): void;
}

/** A service that tells, its relay, and subscribers that each have a link of their own. */
class Flow {
  readonly link: NatsLink;
  readonly #ports: readonly number[];
  readonly #teller: Teller;
  readonly #relay: Relay;
  readonly #stop = new AbortController();
  readonly #hearers = new Map<string, Hearer>();
  readonly #running: Promise<void>[] = [];
  readonly #closing: (() => Promise<void> | void)[] = [];
  #told = 0;

  private constructor(link: NatsLink, ports: readonly number[], teller: Teller) {
    this.link = link;
    this.#ports = ports;
    this.#teller = teller;
    const broker = jetStreamBroker({ link, clock, random, make: {} });
    this.#relay = new Relay({ source: teller.source, broker, clock, random, log: silentLogger, checkMs: 50 });
    this.#relay.start();
  }

  static async open(ports: readonly number[], stream: StreamOptions): Promise<Flow> {
    const link = await linked(ports);
    // A cluster needs a moment until it agrees on who leads.
    await until(() =>
      makeStreams(link, ["shop"], stream).then(
        () => true,
        () => false,
      ),
    );
    const flow = new Flow(link, ports, await Teller.open());
    await flow.addConsumer("hearer");
    return flow;
  }

  async addConsumer(name: string, { refuses = -1 } = {}): Promise<Hearing> {
    const hearer = await Hearer.open(this.#teller);
    const link = await linked(this.#ports);
    const broker = jetStreamBroker({ link, clock, random });
    const state = { refuses };
    const consumer = hearer.consumer({
      ...{ name, clock, random, source: broker.source("shop") },
      limits: { cursorEveryMs: 20, backoffBaseMs: 1, backoffMaxMs: 50, attemptsMax: 3 },
      handle: async (event, connection) => {
        if ((event.data as { n: number }).n === state.refuses) throw Broken.with(undefined);
        await see(event, connection);
      },
    });
    this.#hearers.set(name, hearer);
    this.#running.push(consumer.run(this.#stop.signal));
    this.#closing.push(async () => {
      broker.close();
      await link.close();
    });
    return { hearer, consumer, mend: () => void (state.refuses = -1) };
  }

  /** Records so many events, in keys of their own order. */
  async tell(count: number): Promise<void> {
    for (const end = this.#told + count; this.#told < end; this.#told += 1) {
      await this.#teller.tell({ id: `key ${this.#told % 3}`, n: this.#told });
      this.#relay.wake();
    }
  }

  /** What took effect in a subscriber, in order. */
  async seen(name = "hearer"): Promise<number[]> {
    return ((await this.#hearers.get(name)?.seen()) ?? []).map(({ n }) => n);
  }

  /** Waits until everything took effect; then nothing is missing, doubled, or out of order within its key. */
  async settled(): Promise<void> {
    await until(async () => (await this.seen()).length >= this.#told);
    const seen = await this.seen();
    for (const key of [0, 1, 2]) {
      const expected = Array.from({ length: this.#told }, (_, n) => n).filter((n) => n % 3 === key);
      assert.deepEqual(
        seen.filter((n) => n % 3 === key),
        expected,
      );
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#relay.stop(), ...this.#running]);
    for (const close of this.#closing) await close();
    await this.link.close();
  }
}
