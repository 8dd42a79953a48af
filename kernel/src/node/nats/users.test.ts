/** Least privilege: what a service's user may not do is tried, and refused. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, errors, headers, nkeys } from "@nats-io/transport-node";
import { BrokerRefused, BrokerUnavailable } from "../../events/mod.ts";
import { runOf } from "../../events/testing/conformance.ts";
import { Follower, instanceOf } from "../../transport/testing/registry-conformance.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { REGISTRY_STREAM } from "./bucket.ts";
import { type NatsLink, inboxOf, jetStreamBroker, makeRegistryBucket, makeStreams, natsHints } from "./mod.ts";
import { OPERATOR, natsRegistry, usersConfiguration } from "./mod.ts";
import { SKIP, linked, tempFolder, until } from "./testing/setup.ts";

const clock = systemClock();
const random = systemRandom();
const pair = nkeys.createUser();

const configuration = usersConfiguration({
  services: [
    { service: "shop", hears: [], proof: { password: "of-shop" } },
    { service: "desk", hears: ["shop"], proof: { nkey: pair.getPublicKey() } },
    { service: "post", hears: [], proof: { password: "of-post" } },
  ],
  operator: { password: `of-${OPERATOR}` },
  gateway: { password: "of-gateway" },
});

/** Where answers would do harm, were they published there with the server's rights. */
const REPLIES = [
  "isomer.events.shop",
  "isomer.stored.shop",
  "isomer.instances.shop.x",
  "isomer.hint.shop.log",
  "$KV.isomer_instances.shop.x",
  "$JS.API.STREAM.PURGE.ISOMER_shop",
  "$JS.API.STREAM.PURGE.KV_isomer_instances",
  "$JS.API.STREAM.DELETE.ISOMER_shop",
  "$JS.API.STREAM.MSG.DELETE.ISOMER_shop",
  "$JS.API.STREAM.MSG.GET.ISOMER_shop",
];

describe("users of NATS", { skip: SKIP }, () => {
  const folder = tempFolder();
  let server: NatsServer;
  let operator: NatsLink;
  let shop: NatsLink;
  let desk: NatsLink;
  let post: NatsLink;
  const brokers: { close(): void }[] = [];

  const linkedAs = (user: string) =>
    linked([server.port], { credentials: { user, password: `of-${user}` }, inboxPrefix: inboxOf(user) });

  before(async () => {
    server = await startNats({ folder, configuration });
    const seed = new TextDecoder().decode(pair.getSeed());
    operator = await linkedAs(OPERATOR);
    shop = await linkedAs("shop");
    post = await linkedAs("post");
    desk = await linked([server.port], { credentials: { seed }, inboxPrefix: inboxOf("desk") });
    await makeStreams(operator, ["shop", "desk", "post"]);
    assert.equal(await brokerOf(shop).append(runOf(0, 3)), 3);
  });
  after(async () => {
    for (const broker of brokers) broker.close();
    for (const link of [operator, shop, desk, post]) await link.close();
    await server.stop("SIGKILL");
  });

  const brokerOf = (link: NatsLink) => {
    const broker = jetStreamBroker({ link, clock, random });
    brokers.push(broker);
    return broker;
  };

  test("who hears a service reads its stream, and is told of what comes", async () => {
    const source = brokerOf(desk).source("shop");
    assert.equal((await source.read({ after: 0, limit: 10 })).events.length, 3);
    const told = new Promise<void>((resolve) => {
      source.onAppend(() => {
        void source.read({ after: 3, limit: 10 }).then(({ upTo }) => (upTo === 4 ? resolve() : undefined));
      });
    });
    assert.equal(await brokerOf(shop).append(runOf(3, 4)), 4);
    await told;
  });

  test("a service may not publish another's events", async () => {
    const head = await brokerOf(operator).head("shop");
    await assert.rejects(brokerOf(desk).append(runOf(head, head + 1)), BrokerRefused.is);
    assert.equal(await brokerOf(operator).head("shop"), head);
  });

  test("the server's answers do nothing for a service that it may not do itself", async () => {
    const source = brokerOf(desk).source("shop");
    const deaf = source.onAppend(() => {});
    await makeRegistryBucket(operator);
    const kept = async (): Promise<unknown[]> =>
      await operator.jetStream("x", async ({ manager }) => {
        const infos = ["ISOMER_shop", "ISOMER_desk", REGISTRY_STREAM].map((name) => manager.streams.info(name));
        return (await Promise.all(infos)).map(({ state: { messages, last_seq } }) => ({ messages, last_seq }));
      });
    const before = await kept();
    const connection = post.connection();
    const stolen: string[] = [];
    const tap = operator.connection().subscribe(">", { callback: (_, { subject }) => void stolen.push(subject) });
    let stored = 0;
    for (const reply of REPLIES) {
      // The acknowledgement of what it may publish, and the answers to what it may ask.
      connection.publish("isomer.events.post", "junk", { reply });
      connection.publish("$KV.isomer_instances.post.x", "{}", { reply });
      connection.publish("$JS.API.STREAM.INFO.ISOMER_post", "", { reply });
      connection.publish("$JS.API.STREAM.MSG.GET.ISOMER_post", '{"seq":1}', { reply });
      stored += 1;
    }
    await connection.flush();
    await until(async () => {
      const { state } = await operator.jetStream("x", ({ manager }) => manager.streams.info("ISOMER_post"));
      return state.messages === stored;
    });
    await operator.connection().flush();
    tap.unsubscribe();
    const [ofShop, ofDesk, ofRegistry] = (await kept()) as { messages: number }[];
    assert.deepEqual([ofShop, ofDesk], before.slice(0, 2));
    assert.equal(ofRegistry?.messages, 1, "its own key");
    for (const reply of REPLIES) assert.ok(!stolen.includes(reply), `an answer came out at ${reply}`);
    const head = await brokerOf(operator).head("shop");
    assert.equal(await brokerOf(shop).append(runOf(head, head + 1)), head + 1);
    await until(async () => (await source.read({ after: head, limit: 1 })).upTo === head + 1);
    assert.equal(desk.isUp, true);
    deaf();
  });

  test("a service cannot remove others' entries from the registry by a message that rolls up", async () => {
    await makeRegistryBucket(operator);
    const [ofShop, watching] = [shop, desk].map((link) => natsRegistry({ link, clock, random }));
    await ofShop?.register(instanceOf(1, { service: "shop" }));
    const about = headers();
    about.set("Nats-Rollup", "all");
    const rolled = post.jetStream("x", ({ client }) =>
      client.publish("$KV.isomer_instances.post.x", "{}", { headers: about }),
    );
    await assert.rejects(rolled, /rollup not permitted/);
    assert.ok(watching);
    await new Follower(watching, "shop").hosts("127.0.0.1");
    await ofShop?.close();
    await watching.close();
  });

  test("a service may not read a stream that it does not hear", async () => {
    await assert.rejects(brokerOf(post).source("shop").read({ after: 0, limit: 1 }), BrokerRefused.is);
    await assert.rejects(brokerOf(post).head("shop"), BrokerRefused.is);
  });

  test("a service may not listen to others' events, hints or answers", async () => {
    for (const subject of [
      "isomer.events.shop",
      "isomer.stored.shop",
      "isomer.hint.shop.log",
      `${inboxOf("desk")}.>`,
      ">",
    ]) {
      assert.match(await refusalOf(post, subject), /permissions violation for subscription/i, subject);
    }
  });

  test("a service may not make, change, empty, remove or take from any stream, its own included", async () => {
    for (const service of ["shop", "post"]) {
      const stream = `ISOMER_${service}`;
      const attempts = {
        make: () =>
          post.jetStream("x", ({ manager }) => manager.streams.add({ name: "TAP", sources: [{ name: stream }] })),
        purge: () => post.jetStream("x", ({ manager }) => manager.streams.purge(stream)),
        remove: () => post.jetStream("x", ({ manager }) => manager.streams.delete(stream)),
        erase: () => post.jetStream("x", ({ manager }) => manager.streams.deleteMessage(stream, 1)),
        // A consumer delivers where its maker says, with the server's rights.
        consume: () =>
          post.jetStream("x", ({ manager }) =>
            manager.consumers.add(stream, { deliver_subject: "isomer.events.desk" }),
          ),
        list: () => post.jetStream("x", ({ manager }) => manager.streams.list().next()),
      };
      for (const [name, attempt] of Object.entries(attempts)) {
        await assert.rejects(attempt(), BrokerRefused.is, `${name} ${stream}`);
      }
    }
    const update = post.jetStream("x", ({ manager }) =>
      manager.streams.update("ISOMER_post", { subjects: ["isomer.events.>"] }),
    );
    await assert.rejects(update, BrokerRefused.is);
  });

  test("a service enters its own instances, sees all, and may not enter another's", async () => {
    await makeRegistryBucket(operator);
    const [ofShop, ofDesk] = [shop, desk].map((link) => natsRegistry({ link, clock, random }));
    await ofShop?.register(instanceOf(1, { service: "shop" }));
    assert.ok(ofDesk);
    await new Follower(ofDesk, "shop").hosts("127.0.0.1");
    const entered = post.jetStream("x", ({ client }) => client.publish("$KV.isomer_instances.shop.x", "{}"));
    await assert.rejects(entered, BrokerRefused.is);
    await ofShop?.close();
    await ofDesk.close();
  });

  test("a service may not wake another's replicas", async () => {
    let woken = 0;
    natsHints(shop, random).onTold("shop.log", () => (woken += 1));
    await shop.connection().flush();
    natsHints(post, random).tell("shop.log");
    await post.connection().flush();
    const replica = await linkedAs("shop");
    natsHints(replica, random).tell("shop.log");
    await until(() => woken > 0);
    await replica.close();
    await shop.connection().flush();
    assert.equal(woken, 1);
  });

  test("who has no or a wrong password does not get in", async () => {
    for (const credentials of [{}, { user: "shop", pass: "of-post" }, { user: "desk", pass: "" }]) {
      const options = { port: server.port, ...credentials };
      await assert.rejects(connect(options), errors.AuthorizationError);
    }
  });

  test("a missing stream is told of as such", async () => {
    await operator.jetStream("x", ({ manager }) => manager.streams.delete("ISOMER_desk"));
    const appended = brokerOf(desk).append(runOf(0, 1, { service: "desk" }));
    await assert.rejects(appended, (error) => BrokerUnavailable.is(error) && /stream is missing/.test(error.message));
  });
});

/** What the server answers when a user subscribes to a subject; nothing when it lets it. */
async function refusalOf(link: NatsLink, subject: string): Promise<string> {
  const connection = link.connection();
  const refused = new Promise<string>((resolve) => {
    connection.subscribe(subject, { callback: (error) => resolve(error === null ? "" : error.message) });
  });
  await connection.flush();
  return await Promise.race([refused, connection.flush().then(() => "")]);
}
