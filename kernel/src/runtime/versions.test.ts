/** Hosts of two versions of one contract, side by side: what the one adds does not break the other. */
import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { anyone, contract, event, query, services } from "../contract/mod.ts";
import { upcast } from "../events/mod.ts";
import { MemoryBroker } from "../events/testing/memory-broker.ts";
import { openWorld } from "../node/world.ts";
import { Invalid, t } from "../schema/mod.ts";
import { silentLogger } from "../std/mod.ts";
import type { Transport } from "../transport/mod.ts";
import { AnswerUnfit, Host, defineSystem, implement } from "./mod.ts";

const Name = t.object({ sku: t.text() });
const Item = t.object({ name: t.text() });
const NewItem = t.object({ name: t.text(), weight: t.integer() });

/** The catalogue of a version, and a page that hands on what the catalogue says. */
function build(version: "old" | "new", item: typeof Item | typeof NewItem, answer: object) {
  const input = version === "new" ? t.object({ sku: t.text(), inStock: t.optional(t.boolean()) }) : Name;
  const catalog = contract("catalog", {
    version: version === "new" ? "1.1.0" : "1.0.0",
    queries: {
      items: query({
        input,
        output: t.object({ items: t.array(item), best: t.nullable(item) }),
        allow: [services("page")],
      }),
    },
  });
  const page = contract("page", {
    version: "1.0.0",
    queries: {
      show: query({ input: Name, output: t.object({ items: t.array(Item), best: t.nullable(Item) }), allow: [anyone] }),
      ask: query({ input: Name, output: t.object({}), allow: [anyone] }),
    },
  });
  const stand = implement()(catalog, {
    commands: {},
    queries: { items: async () => ({ items: [answer], best: answer }) as never },
  });
  const shown = implement()(page, {
    uses: [catalog],
    commands: {},
    queries: {
      show: async (asked, ctx) => ctx.call(catalog.items(asked)),
      async ask(asked, ctx) {
        await ctx.call(catalog.items({ ...asked, inStock: true } as never));
        return {};
      },
    },
  });
  return defineSystem({ name: "shop", services: [stand, shown], roles: {} });
}

/** The page of one version over the catalogue of another. */
async function pageOver(context: TestContext, pages: ReturnType<typeof build>, catalogs: ReturnType<typeof build>) {
  const broker = new MemoryBroker();
  const hosts: Host[] = [];
  const transport: Transport = {
    // As over a wire: nothing is shared.
    async send(envelope) {
      const reply = await (hosts.find((host) => host.has(envelope.service)) ?? assert.fail()).transport.send(envelope);
      return structuredClone(reply);
    },
  };
  for (const [system, place] of [
    [pages, "page"],
    [catalogs, "catalog"],
  ] as const) {
    const open = openWorld({ dataFolder: ":memory:", log: silentLogger });
    context.after(() => open.close());
    const elsewhere = { transport, broker };
    const host = await Host.start({ system, world: open.world, jobs: false, place: [place], elsewhere });
    context.after(() => host.stop());
    hosts.push(host);
  }
  const [page] = hosts as [Host];
  return (operation: "show" | "ask") => page.invoke({ service: "page", operation, input: { sku: "a" } });
}

const old = build("old", Item, { name: "Desk" });
const next = build("new", NewItem, { name: "Desk", weight: 9 });

void describe("two versions side by side", () => {
  test("an older caller hands on the answer of a newer callee, without what it does not know", async (context) => {
    const ask = await pageOver(context, old, next);
    assert.deepEqual((await ask("show")).output, { items: [{ name: "Desk" }], best: { name: "Desk" } });
  });

  test("a newer caller is told that an older callee's answer lacks what it reads", async (context) => {
    const ask = await pageOver(context, next, old);
    await assert.rejects(ask("show"), (error) => AnswerUnfit.is(error) && /weight/.test(JSON.stringify(error.data)));
  });

  test("an older callee refuses an input that it does not know: to ignore it would be to do something else", async (context) => {
    const ask = await pageOver(context, next, old);
    await assert.rejects(ask("ask"), Invalid.is);
    const both = await pageOver(context, next, next);
    assert.deepEqual((await both("ask")).output, {});
  });

  test("an older subscriber is given a newer event without what it does not know", () => {
    const one = contract("orders", {
      version: "1.0.0",
      events: { placed: event({ key: "id", data: t.object({ id: t.text(), lines: t.array(Item) }) }) },
    });
    const record = {
      ...{ id: "1", service: "orders", type: "placed", key: "a", sequence: 1, position: 1, version: 1 },
      ...{ recordedAt: 0, at: 0, actor: {}, trace: undefined },
      data: { id: "a", gift: true, lines: [{ name: "Desk", weight: 9 }] },
    };
    const seen = upcast(one.events.placed, record);
    assert.deepEqual(seen.data, { id: "a", lines: [{ name: "Desk" }] });
    assert.equal(upcast(one.events.placed, seen), seen, "what is known is not copied");
  });
});
