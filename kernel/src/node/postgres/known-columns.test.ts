/** What an older build sees of tables that a newer one has changed, while both have them open. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import pg from "pg";
import type { Database, MigrationSet } from "../../store/mod.ts";
import { Connection } from "./connection.ts";
import { KnownColumns } from "./known-columns.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";
import { Texts } from "./texts.ts";

const [cluster, other] = [testCluster(), testCluster()];
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

/** Two processes over one database, for a build each. */
async function bothBuilds(context: TestContext): Promise<readonly [Database, Database]> {
  const databases = await cluster.databases(["mail"]);
  const open = (): Promise<Database> => databases.replica().open("mail");
  const [older, newer] = await Promise.all([open(), open()]);
  context.after(async () => {
    await Promise.all([older.close(), newer.close()]);
    await databases.drop();
  });
  return [older, newer];
}

async function asOwner(url: string, sql: string): Promise<void> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(sql);
  await owner.end();
}

test("columns that come while it runs are nothing to it, whatever it has prepared", { skip }, async (context) => {
  const [older, newer] = await bothBuilds(context);
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
    await asOwner(databases.migrationUrlOf("mail"), "ALTER TABLE isomer_migrations DROP COLUMN columns");
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

test(
  "a role that may change no table is enough where nothing is to be applied, also where columns were not recorded",
  { skip },
  async (context) => {
    const databases = await cluster.databases(["mail"]);
    const database = await databases.storage.open("mail");
    const powerless = await databases.replica({ migrationUrlOf: databases.urlOf }).open("mail");
    context.after(async () => {
      await Promise.all([database.close(), powerless.close()]);
      await databases.drop();
    });
    await database.migrate([OLDER]);
    await asOwner(databases.migrationUrlOf("mail"), "ALTER TABLE isomer_migrations DROP COLUMN columns");
    assert.deepEqual(await powerless.migrate([OLDER]), []);
    await database.migrate([NEWER]);
    await database.write({ label: "add" }, (connection) => connection.run("INSERT INTO mail (id) VALUES ('a')"));
    assert.deepEqual(await all(powerless), [{ id: "a", gone: null }]);
  },
);

test("a column that comes has no part in one of its name that was there", { skip }, async (context) => {
  const [older, newer] = await bothBuilds(context);
  const tables = `CREATE TABLE mail (id TEXT, note TEXT); CREATE TABLE line (mail_id TEXT, text TEXT);
    CREATE VIEW short AS SELECT id FROM mail; CREATE TABLE part (id TEXT) PARTITION BY LIST (id);
    CREATE TABLE part_rest PARTITION OF part DEFAULT;
    INSERT INTO mail VALUES ('a', 'old'); INSERT INTO line VALUES ('a', 'x'); INSERT INTO part VALUES ('a')`;
  const changes = `ALTER TABLE line ADD COLUMN note TEXT DEFAULT 'new'; ALTER TABLE part ADD COLUMN note TEXT;
    CREATE OR REPLACE VIEW short AS SELECT id, note FROM mail`;
  const set = (...steps: string[]): MigrationSet[] => {
    const migrations = steps.map((sql, index) => ({ name: `000${index}`, sql }));
    return [{ owner: "test", migrations }];
  };
  await older.migrate(set(tables));
  const joined = "FROM mail JOIN line ON mail_id = id";
  const row = { id: "a", note: "old", mail_id: "a", text: "x" };
  for (const hasNew of [false, true]) {
    if (hasNew) await newer.migrate(set(tables, changes));
    assert.deepEqual(await all(older, `SELECT * ${joined}`), [row]);
    assert.deepEqual(await all(older, `SELECT mail.*, line.* ${joined}`), [row]);
    assert.deepEqual(await all(older, "SELECT * FROM (SELECT * FROM line) AS inner_line"), [
      { mail_id: "a", text: "x" },
    ]);
    for (const table of ["short", "part", "part_rest"])
      assert.deepEqual(await all(older, `SELECT * FROM ${table}`), [{ id: "a" }], table);
  }
  assert.deepEqual(await all(newer, `SELECT * ${joined}`), [{ ...row, note: "new" }]);
  assert.deepEqual(await all(newer, "SELECT * FROM short"), [{ id: "a", note: "old" }]);
  // Neither has a number as columns have.
  assert.deepEqual(await all(older, "SELECT ctid, mail, id FROM mail"), [{ ctid: "(0,1)", mail: "(a,old)", id: "a" }]);
});

test("of a table that is made anew everything is seen", { skip }, async (context) => {
  const [older, newer] = await bothBuilds(context);
  await older.migrate([OLDER]);
  const anew = "DROP TABLE mail; CREATE TABLE mail (place TEXT, id TEXT); INSERT INTO mail VALUES ('box', 'a')";
  await newer.migrate([{ owner: "test", migrations: [...OLDER.migrations, { name: "0002_anew", sql: anew }] }]);
  assert.deepEqual(await all(older), [{ place: "box", id: "a" }]);
});

test("in a cluster to which the database was moved everything is seen: numbers are other tables' there", () => {
  const known = new KnownColumns();
  known.learn([{ table: 16_400, number: 1, name: "mail.id" }], "here");
  const fields = ["id", "place"].map((name, index) => ({ name, tableID: 16_400, columnID: index + 1 }) as pg.FieldDef);
  const result = { fields, rows: [["a", "box"]] };
  assert.deepEqual(known.rowsOf(result, "here"), [{ id: "a" }]);
  assert.deepEqual(known.rowsOf(result, "there"), [{ id: "a", place: "box" }]);
});

test("connections know their cluster, whoever's they are", { skip }, async (context) => {
  const databases = await cluster.databases(["mail"]);
  context.after(() => databases.drop());
  const urls = [databases.urlOf("mail"), databases.migrationUrlOf("mail"), (await other.server()).adminUrl];
  const clusters = await Promise.all(
    urls.map(async (url) => {
      const connection = await Connection.open({ url, applicationName: "test", longestMs: 0, texts: new Texts() });
      await connection.close();
      return connection.cluster;
    }),
  );
  assert.match(clusters[0] ?? "", /^\d+$/);
  assert.equal(clusters[0], clusters[1]);
  assert.notEqual(clusters[0], clusters[2]);
});
