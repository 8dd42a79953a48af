/** What a service shares with other hosts: its own answers only, and what is revoked only when it said that it revokes. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { anyone, contract, query } from "../contract/mod.ts";
import { MemoryAnswers, MemoryRevocations } from "../guard/mod.ts";
import { openWorld } from "../node/world.ts";
import { t } from "../schema/mod.ts";
import { Broken, silentLogger } from "../std/mod.ts";
import { Host, defineSystem, implement, sharesAnswers } from "./mod.ts";

const Nothing = t.object({});
const price = query({
  input: Nothing,
  output: t.integer(),
  allow: [anyone],
  cache: { maxAgeMs: 60_000, sameForAll: true },
});
const prices = contract("prices", { version: "1.0.0", queries: { price } });
const Code = t.object({ code: t.secret(t.text()) });
const codes = contract("codes", { version: "1.0.0", queries: { code: { ...price, output: Code } } });
const asking = { queries: { ask: query({ input: Nothing, output: t.integer(), allow: [anyone] }) } };
const [desk, till, door] = ["desk", "till", "door"].map((name) => contract(name, { version: "1.0.0", ...asking }));
assert.ok(desk && till && door);

let asked = 0;
const system = defineSystem({
  name: "sharing",
  roles: {},
  services: [
    implement()(prices, { commands: {}, queries: { price: async () => (asked += 1) } }),
    ...[desk, till].map((asker) =>
      implement()(asker, { uses: [prices], commands: {}, queries: { ask: (_, ctx) => ctx.call(prices.price({})) } }),
    ),
    ...[true, false].map((revokes) =>
      implement()(revokes ? door : codes, {
        revokes,
        commands: {},
        queries: {
          [revokes ? "ask" : "code"]: async (_: unknown, ctx: { readonly revocations: unknown }) =>
            ctx.revocations === undefined ? 0 : 1,
        } as never,
      }),
    ),
  ],
});

const open = openWorld({ dataFolder: ":memory:", log: silentLogger, relaxed: true });
const { clock } = open.world;
after(() => open.close());

async function hostOf(answersOf: (service: string) => MemoryAnswers): Promise<Host> {
  const revocations = new MemoryRevocations(clock);
  return Host.start({ system, world: { ...open.world, answersOf, revocations } });
}

const ask = async (host: Host, service: string, operation = "ask"): Promise<unknown> =>
  (await host.invoke({ service, operation, input: {} })).output;

describe("what a service shares", () => {
  test("are answers that it got itself, with its replicas only", async (context) => {
    const places = new Map([desk, till].map(({ name }) => [name, new MemoryAnswers(clock)]));
    const answersOf = (service: string): MemoryAnswers => places.get(service) ?? new MemoryAnswers(clock);
    const [one, two] = [await hostOf(answersOf), await hostOf(answersOf)];
    context.after(() => Promise.all([one.stop(), two.stop()]));
    asked = 0;
    assert.equal(await ask(one, "desk"), 1);
    assert.equal(await ask(two, "desk"), 1, "its replica was told already");
    assert.equal(await ask(two, "till"), 2, "another service asks for itself");
  });

  test("is nothing where it uses no query that is kept, or keeps secrets", () => {
    assert.equal(sharesAnswers([prices]), true);
    assert.equal(sharesAnswers([codes, desk]), false);
    assert.equal(sharesAnswers([]), false);
  });

  test("is what it revokes, only where it says that it does", async (context) => {
    const host = await hostOf(() => new MemoryAnswers(clock));
    context.after(() => host.stop());
    assert.equal(await ask(host, "door"), 1);
    await assert.rejects(ask(host, "codes", "code"), Broken.is);
  });
});
