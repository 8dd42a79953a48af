/** The log in SQLite, and the broker that tests use, are held to what all of their kind do. */
import { brokerConformance, sourceConformance } from "./testing/conformance.ts";
import { logSubject } from "./testing/log-subject.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { openMemory } from "./testing/setup.ts";

sourceConformance("the log", async () => logSubject(await openMemory("shop")));

brokerConformance("in memory", async () => ({ broker: new MemoryBroker(), close: async () => {} }));
