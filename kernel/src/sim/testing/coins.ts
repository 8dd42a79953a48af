/** A till that takes coins over HTTP, for tests of batches and reports; and people who pay once, or are careless. */
import { anyone, command, contract } from "../../contract/mod.ts";
import { type System, defineSystem, implement } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { statements } from "../../store/mod.ts";
import { type Actor, actor } from "../actors.ts";
import { eventually, sometimes } from "../properties.ts";
import { type Simulation, simulation } from "../simulation.ts";

const till = contract("till", {
  version: "1.0.0",
  commands: {
    put: command({
      summary: "Put a coin in",
      input: t.object({ coin: t.text() }),
      output: t.object({ coin: t.text() }),
      allow: [anyone],
      http: { method: "POST", path: "/coins" },
    }),
  },
});

interface Tables {
  coin: { coin: string };
}

const sql = statements<Tables>();
const insert = sql((db, p: { coin: string }) => db.insertInto("coin").values(p));

function tillSystem(): System {
  const service = implement<Tables>()(till, {
    database: { migrations: [{ name: "0001_coin", sql: "CREATE TABLE coin (coin TEXT NOT NULL)" }] },
    commands: {
      put: (input, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.run(insert, input);
          return input;
        }),
    },
    queries: {},
  });
  return defineSystem({ name: "coins", services: [service], roles: {} });
}

const COINS = 6;

/** Puts coins in until each is taken. Whoever is careless takes a new key when there is no answer. */
function payer(name: string, careless: boolean): Actor {
  return actor(name, async function* (ctx) {
    for (let n = 0; n < COINS; n += 1) {
      yield ctx.between(50, 600);
      for (let attempt = 0; ; attempt += 1) {
        const key = careless ? `${name}-${n}-${attempt}` : `${name}-${n}`;
        const answer = await ctx.ask("POST", "/coins", { body: { coin: `${name}-${n}` }, key }).catch(() => undefined);
        if (answer !== undefined && answer.status < 300) break;
        await ctx.sleep(100);
      }
      ctx.note("a coin is paid");
    }
  });
}

function coins(name: string, careless: boolean): Simulation {
  return simulation({
    name,
    system: tillSystem(),
    placement: "apart",
    actors: () => ["ann", "bob", "cem"].map((one) => payer(one, careless)),
    properties: [
      eventually("each coin is there once", ({ rows }) =>
        rows<{ coin: string; n: number }>(
          "till",
          "SELECT coin, count(*) AS n FROM coin GROUP BY coin HAVING n > 1",
        ).map(({ coin, n }) => `${coin} is there ${n} times`),
      ),
      sometimes("a coin is paid"),
    ],
  });
}

/** All is well in it. */
export const coinsSimulation: Simulation = coins("coins", false);

/** A coin is there twice when its answer is lost. */
export const carelessSimulation: Simulation = coins("careless", true);

let runs = 0;

/** Depends on how many runs there were in the process: what must never be. */
export const driftingSimulation: Simulation = {
  ...coins("drifting", false),
  actors() {
    runs += 1;
    const run = runs;
    return [
      actor("dan", async function* (ctx) {
        yield 100;
        ctx.note(`this is run ${run > 1 ? "two or later" : "one"}`);
      }),
    ];
  },
};
