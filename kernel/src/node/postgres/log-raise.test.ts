/** A log in PostgreSQL that lost its end: what is recorded then gets positions beyond those that were heard. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsMigrations, logSource } from "../../events/mod.ts";
import { Teller } from "../../events/testing/setup.ts";
import { silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();

test("what a log has after its loss moves beyond a position, in order, once", { skip: withoutPostgres }, async () => {
  const databases = await cluster.databases(["shop"]);
  const database = await databases.replica({ connectionsMax: 4 }).open("shop");
  await database.migrate([{ owner: "kernel.events", migrations: eventsMigrations }]);
  const teller = new Teller(database);
  const source = logSource({
    ...{ service: "shop", database, clock: systemClock(), random: teller.random, log: silentLogger },
  });
  for (let n = 1; n <= 8; n += 1) await teller.tell({ id: "a", n });
  assert.equal(await source.head(), 8);
  const ids = await source.ids({ after: 5, upTo: 8 });
  const there = { position: 8, id: ids.get(8) ?? "" };
  assert.equal(await source.raise({ after: 5, above: 10, lost: there }), 0, "nothing was lost");
  const lost = { position: 8, id: "another" };
  assert.equal(await source.raise({ after: 5, above: 10, lost }), 3);
  assert.equal(await source.raise({ after: 5, above: 10, lost }), 0, "they are beyond it");
  await teller.tell({ id: "a", n: 9 });
  assert.equal(await source.head(), 14);
  const { events } = await source.read({ after: 0, limit: 100 });
  assert.deepEqual(
    events.map(({ position, data }) => [position, (data as { n: number }).n]),
    [1, 2, 3, 4, 5, 11, 12, 13, 14].map((position, index) => [position, index + 1]),
  );
  await database.close();
  await databases.drop();
});
