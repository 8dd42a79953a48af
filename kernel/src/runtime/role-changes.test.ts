/** A replica that leads, does not, and leads again: what its earlier engines have under way is waited for when it ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { anyone, command, contract, query } from "../contract/mod.ts";
import { openWorld } from "../node/world.ts";
import { saga } from "../saga/mod.ts";
import { t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import type { Database } from "../store/mod.ts";
import { Host, type Service, defineSystem, implement } from "./mod.ts";
import { sharedStorage } from "./testing/shared-storage.ts";

const Nothing = t.object({});
const oracle = contract("oracle", {
  version: "1.0.0",
  queries: { ask: query({ input: Nothing, output: Nothing, allow: [anyone], deadlineMs: 60_000 }) },
});
const pilgrim = contract("pilgrim", {
  version: "1.0.0",
  commands: { leave: command({ input: Nothing, output: Nothing, allow: [anyone] }) },
});

interface Tables {
  none: { id: string };
}

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
};

test("a host that ends after it changed its role twice waits for the step that its first engine has under way", async () => {
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let asks = 0;
  const journey = saga<Tables, "oracle">()("journey", {
    input: Nothing,
    output: Nothing,
    run: (s) => s.step("ask", oracle.ask({})),
  });
  const services = [
    implement()(oracle, {
      commands: {},
      queries: {
        ask: async () => {
          asks += 1;
          asked.resolve();
          // The next engine asks anew, and is through at once.
          if (asks === 1) await answer.promise;
          return {};
        },
      },
    }),
    implement<Tables>()(pilgrim, {
      uses: [oracle],
      commands: {
        leave: (_, ctx) =>
          ctx.transaction(async (tx) => {
            await tx.start(journey, {}, "journey");
            return {};
          }),
      },
      queries: {},
      sagas: [journey],
    }),
  ] as unknown as Service[];
  const state = { cut: false, released: false, order: [] as string[], lost: 0 };
  const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
  const shared = sharedStorage({ clock: open.world.clock });
  const watched = (database: Database): Database =>
    new Proxy(database, {
      get: (target, name) => {
        if (name === "close") state.order.push("closed");
        const value: unknown = Reflect.get(target, name);
        if (name !== "write") return typeof value === "function" ? value.bind(target) : value;
        const write: Database["write"] = (options, body) => {
          if (options.label === "pilgrim.lease.release") state.released = true;
          const isCut = state.cut && options.label.startsWith("pilgrim.lease.");
          return isCut ? Promise.reject(new Error("cut off")) : target.write(options, body);
        };
        return write;
      },
    });
  const host = await Host.start({
    system: defineSystem({ name: "journeys", services, roles: {} }),
    world: { ...open.world, storage: { open: async (name) => watched(await shared.storage.open(name)) } },
    ...{ jobs: false, replica: "one", leaseMs: 200 },
  });
  const engine = () => host.sagas().get("pilgrim") ?? assert.fail();
  const changed = async (): Promise<void> => {
    const before = engine();
    await until(() => engine() !== before);
  };
  await host.invoke({ service: "pilgrim", operation: "leave", input: {} });
  await asked.promise;
  state.cut = true;
  await changed();
  state.cut = false;
  await changed();
  await until(async () => (await engine().view("journey"))?.status === "completed");
  const stopped = host.stop();
  await until(() => state.released);
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  state.order.push("answered");
  answer.resolve();
  await stopped;
  assert.equal(state.order[0], "answered", "no database is closed while a step is under way");
  await shared.close();
  open.close();
});
