/** A service's log as the subject of the suite of sources. */
import type { EventType } from "../../contract/mod.ts";
import { systemClock } from "../../node/clock.ts";
import { silentLogger } from "../../std/mod.ts";
import type { Database } from "../../store/mod.ts";
import { logSource } from "../mod.ts";
import type { SourceSubject } from "./conformance.ts";
import { Teller, shop } from "./setup.ts";

/** The log in a database that has its tables and no events. `close` is called after the source is left alone. */
export function logSubject(database: Database, close: () => Promise<void> = async () => {}): SourceSubject {
  const teller = new Teller(database);
  const { random } = teller;
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
    async close() {
      for (const end of deaf) end();
      await close();
    },
  };
}
