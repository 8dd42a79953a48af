/** What an older build sees of tables that a newer one has changed, while both have them open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import type { Database, MigrationSet } from "../../store/mod.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();
const skip = withoutPostgres;

const OLDER: MigrationSet = {
  owner: "test",
  migrations: [{ name: "0001_mail", sql: "CREATE TABLE mail (id TEXT PRIMARY KEY, gone TEXT)" }],
};
const NEWER: MigrationSet = {
  owner: "test",
  migrations: [
    ...OLDER.migrations,
    { name: "0002_place", sql: "ALTER TABLE mail ADD COLUMN place TEXT DEFAULT 'box'" },
  ],
};

const all = (database: Database, sql = "SELECT * FROM mail"): Promise<object[]> =>
  database.read({ label: "mail" }, (connection) => connection.all<object>(sql));

test("columns that come while it runs are nothing to it, whatever it has prepared", { skip }, async (context) => {
  const databases = await cluster.databases(["mail"]);
  const [older, newer] = await Promise.all([1, 2].map(() => databases.replica().open("mail")));
  assert.ok(older && newer);
  context.after(async () => {
    await Promise.all([older.close(), newer.close()]);
    await databases.drop();
  });
  await older.migrate([OLDER]);
  const add = "INSERT INTO mail (id) VALUES (?) RETURNING *";
  const added = (id: string) => older.write({ label: "add" }, (connection) => connection.all<object>(add, [id]));
  // So often that it is prepared.
  for (const id of ["a", "b", "c", "d"]) assert.deepEqual(await added(id), [{ id, gone: null }]);
  for (let times = 0; times < 4; times += 1) assert.equal((await all(older)).length, 4);
  await newer.migrate([NEWER]);
  assert.deepEqual((await all(newer))[0], { id: "a", gone: null, place: "box" });
  assert.deepEqual((await all(older))[0], { id: "a", gone: null });
  assert.deepEqual(await added("e"), [{ id: "e", gone: null }]);
  // What is computed is of no table, and stays.
  assert.deepEqual(await all(older, "SELECT count(*) AS place FROM mail"), [{ place: 5 }]);
  // Started again, it finds what the newer one has recorded.
  await older.migrate([OLDER]);
  assert.deepEqual(await all(older, "SELECT * FROM mail WHERE id = 'e'"), [{ id: "e", gone: null }]);
  await older.migrate([NEWER]);
  assert.deepEqual(await all(older, "SELECT * FROM mail WHERE id = 'e'"), [{ id: "e", gone: null, place: "box" }]);
});

test(
  "a database whose migrations were recorded without their columns goes on, and records them",
  { skip },
  async (context) => {
    const databases = await cluster.databases(["mail"]);
    const database = await databases.storage.open("mail");
    context.after(async () => {
      await database.close();
      await databases.drop();
    });
    await database.migrate([OLDER]);
    const owner = new pg.Client({ connectionString: databases.migrationUrlOf("mail") });
    await owner.connect();
    await owner.query("ALTER TABLE isomer_migrations DROP COLUMN columns");
    await owner.end();
    await database.migrate([NEWER]);
    const recorded = "SELECT name, columns FROM isomer_migrations ORDER BY name";
    assert.deepEqual(await all(database, recorded), [
      { name: "0001_mail", columns: null },
      { name: "0002_place", columns: '["mail.place"]' },
    ]);
    await database.migrate([OLDER]);
    await database.write({ label: "add" }, (connection) => connection.run("INSERT INTO mail (id) VALUES ('a')"));
    assert.deepEqual(await all(database), [{ id: "a", gone: null }]);
  },
);
