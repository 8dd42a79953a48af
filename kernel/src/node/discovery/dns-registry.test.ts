import { test } from "node:test";
import assert from "node:assert/strict";
import { sleep } from "../../std/mod.ts";
import type { Instance, Lease, Snapshot } from "../../transport/mod.ts";
import { Follower, type RegistrySubject, registryConformance } from "../../transport/testing/registry-conformance.ts";
import { systemClock } from "../clock.ts";
import { systemRandom } from "../random.ts";
import { DnsRegistry, type DnsRegistryOptions } from "./mod.ts";
import { type DnsMood, DnsServer } from "./testing/dns-server.ts";

const nameOf = (service: string): string => `${service}.shop.test`;

function registryOf(server: DnsServer, more: Partial<DnsRegistryOptions> = {}): DnsRegistry {
  return new DnsRegistry({
    clock: systemClock(),
    random: systemRandom(),
    lookup: (service) => ({ kind: "addresses", name: nameOf(service), port: 7_000 }),
    servers: [server.address],
    intervalMs: 10,
    timeoutMs: 100,
    ...more,
  });
}

async function subject(lostAs: DnsMood): Promise<RegistrySubject> {
  const server = await DnsServer.start();
  const announce = (instance: Instance): Promise<Lease> => {
    const name = nameOf(instance.service);
    const { host } = instance.address;
    const takeOut = (): Promise<void> => {
      server.remove(name, (record) => record.type === "A" && record.address === host);
      return Promise.resolve();
    };
    server.add(name, { type: "A", address: host });
    return Promise.resolve({ update: takeOut, release: takeOut });
  };
  return {
    registry: registryOf(server),
    announce,
    interrupt: () => {
      server.mood = lostAs;
      return Promise.resolve(() => {
        server.mood = "answers";
        return Promise.resolve();
      });
    },
    close: () => server.close(),
  };
}

registryConformance("dns", () => subject("fails"), { tellsAll: false });
registryConformance("dns, lost without a word", () => subject("silent"), { tellsAll: false });

/** Runs with a server, and closes everything. */
async function within(
  run: (server: DnsServer, follow: (registry: DnsRegistry) => Follower) => Promise<void>,
): Promise<void> {
  const server = await DnsServer.start();
  const registries: DnsRegistry[] = [];
  try {
    await run(server, (registry) => {
      registries.push(registry);
      return new Follower(registry);
    });
  } finally {
    for (const registry of registries) await registry.close();
    await server.close();
  }
}

const addressesIn = ({ instances }: Snapshot): string[] => instances.map(({ id }) => id);

void test("SRV records tell the port, and the share of each; later priorities wait", async () => {
  await within(async (server, follow) => {
    const name = "_wire._tcp.orders.shop.test";
    server.add(name, { type: "SRV", target: "one.test", port: 7_001, weight: 10 });
    server.add(name, { type: "SRV", target: "two.test", port: 7_002, weight: 5 });
    server.add(name, { type: "SRV", target: "three.test", port: 7_003, priority: 9 });
    for (const [n, target] of ["one", "two", "three"].entries()) {
      server.add(`${target}.test`, { type: "A", address: `127.0.1.${n + 1}` });
    }
    const follower = follow(registryOf(server, { lookup: () => ({ kind: "srv", name }) }));
    const { instances } = await follower.hosts("127.0.1.1", "127.0.1.2");
    assert.deepEqual(
      instances.map(({ id, weight }) => [id, weight]),
      [
        ["127.0.1.1:7001", 1],
        ["127.0.1.2:7002", 0.5],
      ],
    );
  });
});

void test("IPv6 addresses are found where there are no others", async () => {
  await within(async (server, follow) => {
    server.add(nameOf("orders"), { type: "AAAA", groups: [0xfd00, 0, 0, 0, 0, 0, 0, 5] });
    const found = await follow(registryOf(server)).until(({ instances }) => instances.length === 1);
    assert.deepEqual(found.instances[0]?.address, { host: "fd00::5", port: 7_000 });
  });
});

void test("a name server that answers late in life is found, and nobody is not a failure", async () => {
  await within(async (server, follow) => {
    server.mood = "fails";
    const follower = follow(registryOf(server));
    assert.deepEqual(await follower.until(({ isCurrent }) => !isCurrent), {
      service: "orders",
      instances: [],
      isCurrent: false,
    });
    server.mood = "answers";
    assert.deepEqual(addressesIn(await follower.until(({ isCurrent }) => isCurrent)), []);
    server.add(nameOf("orders"), { type: "A", address: "127.0.0.1" });
    await follower.hosts("127.0.0.1");
  });
});

void test("nobody is told twice of the same, and nobody asks when nobody listens", async () => {
  await within(async (server, follow) => {
    server.add(nameOf("orders"), { type: "A", address: "127.0.0.1" });
    const registry = registryOf(server);
    const follower = follow(registry);
    await follower.hosts("127.0.0.1");
    const asked = server.questions;
    const other = new Follower(registry, "other");
    await other.hosts();
    while (server.questions < asked + 10) await sleep(systemClock(), 1);
    assert.equal(follower.heard.length, 1);
    follower.end();
    other.end();
    const again = new Follower(registry);
    await again.hosts("127.0.0.1");
  });
});
