/** What is measured of how a service hears events. */
import { test } from "node:test";
import { command, contract, event, user } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { t } from "../schema/mod.ts";
import { defineFault, silentLogger } from "../std/mod.ts";
import { Host, defineSystem, implement, subscribe } from "./mod.ts";

const Refused = defineFault({ code: "test/refused", kind: "invalid", message: () => "Refused." });
const shelf = contract("shelf", {
  version: "1.0.0",
  commands: { put: command({ input: t.object({ book: t.text() }), output: t.object({}), allow: [user] }) },
  events: { added: event({ key: "book", data: t.object({ book: t.text() }) }) },
});

test(
  "what was handled, what failed, and how full a consumer is, are among the metrics",
  { timeout: 30_000 },
  async (context) => {
    const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
    const telling = implement()(shelf, {
      commands: {
        put: ({ book }, ctx) =>
          ctx.transaction(async (tx) => {
            await tx.emit(shelf.events.added, { book });
            return {};
          }),
      },
      queries: {},
    });
    const hearing = implement()(contract("desk", { version: "1.0.0" }), {
      commands: {},
      queries: {},
      on: [
        subscribe()(shelf.events.added, async ({ data }) => {
          if (data.book === "bad") throw Refused.with(undefined);
        }),
      ],
    });
    const system = defineSystem({ name: "library", services: [telling, hearing], roles: { reader: [] } });
    const host = await Host.start({ system, world: open.world, jobs: false });
    context.after(async () => {
      await host.stop();
      open.close();
    });
    const identity = { subject: "alice", roles: ["reader"], guest: false };
    for (const book of ["good", "bad", "good"]) {
      await host.invoke({ service: "shelf", operation: "put", input: { book }, identity });
    }
    const of = 'service="desk",consumer="shelf",source="shelf"';
    const shows = async (line: RegExp): Promise<void> => {
      while (!line.test(host.metrics.toPrometheus())) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await shows(new RegExp(`^isomer_events_attempts_total{${of},outcome="done"} 2$`, "m"));
    await shows(new RegExp(`^isomer_events_attempts_total{${of},outcome="failed"} [1-9]`, "m"));
    await shows(new RegExp(`^isomer_events_lag_seconds_count{${of}} 2$`, "m"));
    await shows(new RegExp(`^isomer_events_used_ratio{${of},bound="unfinished"} 0\\.0`, "m"));
    await shows(new RegExp(`^isomer_events_used_ratio{${of},bound="parked"} 0\\.0`, "m"));
    await shows(new RegExp(`^isomer_events_oldest_seconds{${of}} [0-9.]+$`, "m"));
    await shows(new RegExp(`^isomer_events_stuck{${of}} 0$`, "m"));
  },
);
