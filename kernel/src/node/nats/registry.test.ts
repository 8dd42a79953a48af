/** The registry in NATS KV: the suite of registries, and how leases end. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DiscardPolicy } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { Follower, instanceOf, registryConformance } from "../../transport/testing/registry-conformance.ts";
import { systemClock } from "../clock.ts";
import { type NatsServer, startNats } from "../engines/mod.ts";
import { systemRandom } from "../random.ts";
import { makeRegistryBucket, natsRegistry } from "./mod.ts";
import { SKIP, linked, removeStreams, tempFolder } from "./testing/setup.ts";

const clock = systemClock();
const random = systemRandom();
const leaseMs = 600;
const folder = tempFolder();
let server: NatsServer;

if (SKIP === false) {
  before(async () => {
    server = await startNats({ folder });
  });
  after(() => server.stop("SIGKILL"));
}

const opened = async () => {
  const link = await linked([server.port]);
  await makeRegistryBucket(link, { leaseMs });
  return { link, registry: natsRegistry({ link, clock, random, leaseMs }) };
};

registryConformance(
  "NATS KV",
  async () => {
    const [own, other] = [await opened(), await opened()];
    return {
      registry: own.registry,
      other: other.registry,
      async interrupt() {
        await server.stop("SIGKILL");
        return () => server.start();
      },
      async close() {
        await other.registry.close();
        await removeStreams(own.link);
        await Promise.all([own.link.close(), other.link.close()]);
      },
    };
  },
  { tellsAll: true, ...(SKIP === false ? {} : { skip: SKIP }) },
);

describe("leases in NATS KV", { skip: SKIP }, () => {
  test("an instance whose process died is taken out, and the others stay", async (context) => {
    const [watching, living, dying] = [await opened(), await opened(), await opened()];
    context.after(async () => {
      for (const { registry } of [living, watching, dying]) await registry.close();
      await Promise.all([watching.link, living.link, dying.link].map((link) => link.close()));
    });
    const follower = new Follower(watching.registry);
    await living.registry.register(instanceOf(1));
    await dying.registry.register(instanceOf(2));
    await follower.hosts("127.0.0.1", "127.0.0.2");
    // Its process does nothing any more, and NATS only sees a connection that ends.
    await dying.link.close();
    await follower.hosts("127.0.0.1");
  });

  test("while NATS hangs nobody is taken out", async (context) => {
    const { link, registry } = await opened();
    context.after(async () => {
      await registry.close();
      await link.close();
    });
    const follower = new Follower(registry);
    await registry.register(instanceOf(1));
    await follower.hosts("127.0.0.1");
    server.signal("SIGSTOP");
    try {
      // Longer than a lease: it is only known when somebody is missed.
      const lost = await follower.until(({ isCurrent }) => !isCurrent);
      assert.equal(lost.instances.length, 1);
    } finally {
      server.signal("SIGCONT");
    }
    const back = await follower.until(({ isCurrent }) => isCurrent);
    assert.equal(back.instances.length, 1);
    assert.ok(follower.heard.slice(1).every(({ instances }) => instances.length <= 1));
  });

  test("an entry that the server lost is entered again", async (context) => {
    const { link, registry } = await opened();
    context.after(async () => {
      await registry.close();
      await link.close();
    });
    await registry.register(instanceOf(1));
    await link.jetStream("x", ({ manager }) => manager.streams.delete("KV_isomer_instances"));
    await makeRegistryBucket(link, { leaseMs });
    const other = await opened();
    context.after(async () => {
      await other.registry.close();
      await other.link.close();
    });
    await new Follower(other.registry).hosts("127.0.0.1");
  });

  test("no message removes others' entries, also in a bucket that was made when one could", async (context) => {
    const link = await linked([server.port]);
    context.after(() => link.close());
    await removeStreams(link);
    const republish = { src: "$KV.isomer_instances.>", dest: "isomer.instances.>" };
    await link.jetStream("x", ({ manager }) =>
      manager.streams.add({
        ...{ name: "KV_isomer_instances", subjects: ["$KV.isomer_instances.>"], max_msgs_per_subject: 1 },
        ...{ deny_delete: true, allow_rollup_hdrs: true, discard: DiscardPolicy.New, republish },
      }),
    );
    await makeRegistryBucket(link, { leaseMs: 60_000 });
    const publish = (key: string, about = headers()) =>
      link.jetStream("x", ({ client }) => client.publish(`$KV.isomer_instances.${key}`, "{}", { headers: about }));
    await publish("shop.a");
    const rollup = headers();
    rollup.set("Nats-Rollup", "all");
    await assert.rejects(publish("desk.a", rollup), /rollup not permitted/);
    const purged = link.jetStream("x", ({ manager }) => manager.streams.purge("KV_isomer_instances"));
    await assert.rejects(purged, /purge not permitted/);
    const { state } = await link.jetStream("x", ({ manager }) => manager.streams.info("KV_isomer_instances"));
    assert.equal(state.messages, 1);
    await removeStreams(link);
  });

  test("what a service says of another is not believed", async (context) => {
    const { link, registry } = await opened();
    context.after(async () => {
      await registry.close();
      await link.close();
    });
    const follower = new Follower(registry);
    const key = (service: string, id: string) =>
      `$KV.isomer_instances.${service}.${Buffer.from(id).toString("base64url")}`;
    for (const text of [
      JSON.stringify({ instance: instanceOf(7, { service: "cart" }), life: "x" }),
      JSON.stringify({ instance: instanceOf(8), life: "x" }),
      JSON.stringify({ instance: { id: "orders-7" }, life: "x" }),
      "{",
    ]) {
      await link.jetStream("x", ({ client }) => client.publish(key("orders", "orders-7"), text));
    }
    await registry.register(instanceOf(1));
    await follower.hosts("127.0.0.1");
    // Nor by one who comes later, and reads what is stored.
    const { link: later, registry: other } = await opened();
    await new Follower(other).hosts("127.0.0.1");
    await other.close();
    await later.close();
  });
});
