/** The log in SQLite, and the broker that tests use, are held to what all of their kind do. */
import { type EventType } from "../contract/mod.ts";
import { systemClock } from "../node/clock.ts";
import { silentLogger } from "../std/mod.ts";
import { logSource } from "./mod.ts";
import { brokerConformance, sourceConformance } from "./testing/conformance.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { Teller, shop } from "./testing/setup.ts";

sourceConformance("the log", async () => {
  const teller = await Teller.open();
  const { database, random } = teller;
  const source = logSource({ service: "shop", database, clock: systemClock(), random, log: silentLogger });
  const deaf = new Set<() => void>();
  let told = 0;
  return {
    source: Object.assign(Object.create(source) as typeof source, {
      read: source.read.bind(source),
      head: source.head.bind(source),
      onAppend(listener: () => void) {
        const end = source.onAppend(listener);
        deaf.add(end);
        return end;
      },
    }),
    async append(...types) {
      await database.write({ label: "tell" }, async (connection) => {
        const recorder = teller.recorder(connection);
        for (const type of types) {
          const event = shop.events[type as "moved"] as EventType;
          await recorder.emit(event, { id: "a", n: (told += 1) } as never);
        }
      });
      source.notify();
    },
    close: async () => deaf.forEach((end) => end()),
  };
});

brokerConformance("in memory", async () => ({ broker: new MemoryBroker(), close: async () => {} }));
