/** What every registry must do. One suite, run against each; how soon a lease runs out is tested beside it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Instance, Lease, Registry, Snapshot } from "../mod.ts";

/** A registry of a process, and what the world around it does. */
export interface RegistrySubject {
  readonly registry: Registry;
  /** Another process's view of the same registry; none where there is only one process. */
  readonly other?: Registry;
  /**
   * How an instance gets known; `registry.register` unless said. For a registry that others fill (DNS): a lease whose
   * `update` to draining takes the instance out.
   */
  announce?(instance: Instance): Promise<Lease>;
  /** Takes the registry away, and gives it back. Absent where it cannot be lost. */
  interrupt?(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** What a kind of registry tells of an instance besides where it is. */
export interface RegistryTraits {
  /** Whether it tells all that was registered; otherwise the address, and a health that is always ready. */
  readonly tellsAll: boolean;
}

interface Setup {
  readonly subject: RegistrySubject;
  readonly traits: RegistryTraits;
  announce(instance: Instance): Promise<Lease>;
}

/** An instance by number; what is not said has a plain value. */
export function instanceOf(n: number, more: Partial<Instance> = {}): Instance {
  return {
    id: `orders-${n}`,
    service: "orders",
    address: { host: `127.0.0.${n}`, port: 7_000 },
    startedAt: 1_750_000_000_000 + n,
    health: "ready",
    ...more,
  };
}

/** Follows a service, and waits for snapshots. */
export class Follower {
  readonly heard: Snapshot[] = [];
  readonly end: () => void;
  #waiting: (() => void)[] = [];

  constructor(registry: Registry, service = "orders") {
    this.end = registry.watch(service, (snapshot) => {
      this.heard.push(snapshot);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** Resolves to the first snapshot, from the last one heard on, that is as wanted. */
  async until(isWanted: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
    for (;;) {
      const last = this.heard.at(-1);
      if (last !== undefined && isWanted(last)) return last;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when just these hosts are known. */
  hosts(...hosts: readonly string[]): Promise<Snapshot> {
    return this.until(({ instances }) => {
      const known = instances.map(({ address }) => address.host).toSorted();
      return known.join() === hosts.toSorted().join();
    });
  }
}

type Case = (setup: Setup) => Promise<void>;

const cases: Readonly<Record<string, Case>> = {
  async "tells a watcher at once that there is nobody, and then of each who comes"({ subject, announce }) {
    const follower = new Follower(subject.registry);
    assert.equal(follower.heard.length, 0, "It was told before it had returned.");
    assert.deepEqual((await follower.hosts()).service, "orders");
    await announce(instanceOf(1));
    assert.equal((await follower.hosts("127.0.0.1")).isCurrent, true);
    await announce(instanceOf(2));
    await follower.hosts("127.0.0.1", "127.0.0.2");
  },

  async "tells those who watch later the same, sorted by id, each with an id of its own"({ subject, announce }) {
    for (const n of [3, 1, 2]) await announce(instanceOf(n));
    const first = new Follower(subject.registry);
    await first.hosts("127.0.0.1", "127.0.0.2", "127.0.0.3");
    const second = new Follower(subject.registry);
    const { instances } = await second.hosts("127.0.0.1", "127.0.0.2", "127.0.0.3");
    const ids = instances.map(({ id }) => id);
    assert.deepEqual(ids, [...new Set(ids)].toSorted());
  },

  async "tells all that is known of an instance"({ subject, announce, traits }) {
    const full = instanceOf(1, { zone: "a", version: "1.2.3", weight: 2.5 });
    await announce(full);
    const { instances } = await new Follower(subject.registry).hosts("127.0.0.1");
    if (traits.tellsAll) assert.deepEqual(instances, [full]);
    else assert.deepEqual([instances[0]?.address, instances[0]?.health], [full.address, "ready"]);
  },

  async "keeps services apart"({ subject, announce }) {
    const orders = new Follower(subject.registry);
    const carts = new Follower(subject.registry, "cart");
    await announce(instanceOf(1));
    await announce(instanceOf(9, { service: "cart", id: "cart-9" }));
    await orders.hosts("127.0.0.1");
    assert.equal((await carts.hosts("127.0.0.9")).service, "cart");
  },

  async "tells who drains and who is gone"({ subject, announce, traits }) {
    const follower = new Follower(subject.registry);
    const lease = await announce(instanceOf(1));
    await announce(instanceOf(2));
    await follower.hosts("127.0.0.1", "127.0.0.2");
    await lease.update("draining");
    if (traits.tellsAll) {
      const { instances } = await follower.until((snapshot) => snapshot.instances[0]?.health === "draining");
      assert.deepEqual(
        instances.map(({ health }) => health),
        ["draining", "ready"],
      );
    }
    await lease.release();
    await lease.release();
    await follower.hosts("127.0.0.2");
  },

  async "replaces the entry of an earlier life, which then has no say any more"({ subject, announce, traits }) {
    if (!traits.tellsAll) return;
    const earlier = await announce(instanceOf(1));
    await announce(instanceOf(1, { startedAt: 1_750_000_009_999 }));
    await earlier.release();
    await announce(instanceOf(2));
    const { instances } = await new Follower(subject.registry).hosts("127.0.0.1", "127.0.0.2");
    assert.equal(instances[0]?.startedAt, 1_750_000_009_999);
  },

  async "tells nothing more to a watcher that ended"({ subject, announce }) {
    const ended = new Follower(subject.registry);
    const other = new Follower(subject.registry);
    await ended.hosts();
    ended.end();
    ended.end();
    const { length } = ended.heard;
    await announce(instanceOf(1));
    await other.hosts("127.0.0.1");
    assert.equal(ended.heard.length, length);
  },

  async "is seen alike by other processes"({ subject, announce }) {
    if (subject.other === undefined) return;
    const follower = new Follower(subject.other);
    await follower.hosts();
    const lease = await announce(instanceOf(1));
    await follower.hosts("127.0.0.1");
    await lease.release();
    await follower.hosts();
  },

  async "keeps what it knew while it is lost, says so, and goes on when it is back"({ subject, announce }) {
    if (subject.interrupt === undefined) return;
    const follower = new Follower(subject.registry);
    await announce(instanceOf(1));
    await follower.hosts("127.0.0.1");
    const giveBack = await subject.interrupt();
    const lost = await follower.until(({ isCurrent }) => !isCurrent);
    assert.deepEqual(
      lost.instances.map(({ address }) => address.host),
      ["127.0.0.1"],
    );
    await giveBack();
    await follower.until(({ isCurrent, instances }) => isCurrent && instances.length === 1);
    await announce(instanceOf(2));
    await follower.hosts("127.0.0.1", "127.0.0.2");
  },

  async "closes twice without harm"({ subject }) {
    await subject.registry.close();
    await subject.registry.close();
  },
};

/** Declares the suite for a registry. `skip` says why it cannot run here. */
export function registryConformance(
  name: string,
  make: () => Promise<RegistrySubject>,
  { skip, ...traits }: RegistryTraits & { readonly skip?: string },
): void {
  void describe(`registry: ${name}`, { ...(skip === undefined ? {} : { skip }) }, () => {
    for (const [title, run] of Object.entries(cases)) {
      void test(title, { timeout: 60_000 }, async () => {
        const subject = await make();
        try {
          const announce = (instance: Instance): Promise<Lease> =>
            subject.announce?.(instance) ?? subject.registry.register(instance);
          await run({ subject, traits, announce });
        } finally {
          await subject.registry.close();
          await subject.close();
        }
      });
    }
  });
}
