/** Random requests: always an answer, never a 5xx; and the memory that they took is given back. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { httpOperations } from "../operations.ts";
import { type OpenShop, openShop } from "../open-shop.ts";
import { type Attacker, letIn } from "./attacker.ts";
import { attacksOn } from "./attacks.ts";
import { fuzz } from "./fuzz.ts";
import { RawClient, eachOf } from "./raw.ts";

let shop: OpenShop;
let raw: RawClient;
let attacker: Attacker;

before(async () => {
  shop = await openShop();
  attacker = await letIn(shop);
  raw = new RawClient(shop.client.url);
});
after(async () => {
  raw.close();
  await shop[Symbol.asyncDispose]();
});

describe("random requests", () => {
  test("always get an answer, and never break anything", async (t) => {
    const { credentials, things } = attacker;
    const statuses = await fuzz(raw, { runs: 1_500, credentials, things });
    t.diagnostic(JSON.stringify(statuses));
    assert.deepEqual(shop.complaints, []);
  });

  test("after each other again and again leave memory as it was", async (t) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = async (): Promise<number> => {
      await shop.host.idle();
      collect();
      return process.memoryUsage().heapUsed / 2 ** 20;
    };
    const routes = httpOperations.filter((_, index) => index % 9 === 0);
    const attacks = routes.flatMap((operation) => attacksOn(operation, attacker.credentials));
    const series = (): number => shop.host.metrics.toPrometheus().split("\n").length;
    let fresh = 0;
    const round = async (n: number): Promise<void> => {
      const some = attacks.filter((_, at) => at % 6 === n % 6);
      await eachOf(some, async ({ request }) => {
        await raw.send(request);
      });
      const known = series();
      await eachOf(namesOf(n), strange);
      fresh = series() - known;
    };
    // The first rounds compile schemas and fill caches that are bounded.
    for (let n = 0; n < 3; n += 1) await round(n);
    const before = await heap();
    for (let n = 3; n < 9; n += 1) await round(n);
    const grown = (await heap()) - before;
    t.diagnostic(`${before.toFixed(1)} MiB, and ${grown.toFixed(1)} MiB more after six more rounds`);
    assert.ok(grown < 12, `The heap grew by ${grown} MiB.`);
    assert.equal(fresh, 0, "names that were sent have become names of metrics");
  });
});

/** Names that nobody has seen before. */
const namesOf = (n: number): string[] => Array.from({ length: 100 }, (_, index) => `${n}-${index}`);

/** Names something in every place where a name may be: nothing may be kept for each of them. */
async function strange(name: string): Promise<void> {
  await raw.send({ method: "GET", path: `/nothing/${name}` });
  await raw.send({
    method: "GET",
    path: `/v1/products/${name}`,
    headers: { traceparent: name, "user-agent": name },
  });
  await raw.send({ method: "GET", path: "/v1/orders", headers: { authorization: `Bearer ${name}` } });
  await raw.send({ method: "GET", path: `/v1/search?q=${name}` });
}
