/** Conformance: migrations. */
import assert from "node:assert/strict";
import { type Database, MigrationMismatch, type MigrationSet, migrationText, migrationsAhead } from "../mod.ts";
import { type Case, READ, SCHEMA, WRITE, insert } from "./subject.ts";

/** Cases by name. */
export const migrations: Readonly<Record<string, Case>> = {
  async "are applied once"(database) {
    assert.deepEqual(await database.migrate([SCHEMA]), []);
  },

  async "that are new are applied in the order of their names, and named"(database) {
    const more: MigrationSet = {
      owner: "test",
      migrations: [
        { name: "0004_fill", sql: "INSERT INTO more (id) VALUES ('x')" },
        ...SCHEMA.migrations,
        { name: "0003_more", sql: "CREATE TABLE more (id TEXT)" },
      ],
    };
    assert.deepEqual(await database.migrate([more]), ["test/0003_more", "test/0004_fill"]);
  },

  async "that change the columns of a table are seen by statements that ran before"(database) {
    const columns = (rows: object[]): string[] => Object.keys(rows[0] ?? {}).toSorted();
    const read = () =>
      database.read(READ, async (connection) => columns(await connection.all("SELECT * FROM counter")));
    const write = () =>
      database.write(WRITE, async (connection) => columns(await connection.all("SELECT * FROM counter")));
    await insert(database, "x");
    assert.deepEqual(
      [await read(), await write()],
      [
        ["count", "id"],
        ["count", "id"],
      ],
    );
    const migrations = [
      ...SCHEMA.migrations,
      { name: "0009_rename", sql: "ALTER TABLE counter RENAME COLUMN count TO n" },
    ];
    await database.migrate([{ owner: SCHEMA.owner, migrations }]);
    assert.deepEqual(
      [await read(), await write()],
      [
        ["id", "n"],
        ["id", "n"],
      ],
    );
  },

  async "of one owner do not meet those of another"(database) {
    const other: MigrationSet = {
      owner: "other",
      migrations: [{ name: "0001_counter", sql: "CREATE TABLE other (id TEXT)" }],
    };
    assert.deepEqual(await database.migrate([other, SCHEMA]), ["other/0001_counter"]);
  },

  async "with another text, or gone, or too late in the order, are refused by name"(database) {
    const [first, second] = SCHEMA.migrations;
    assert.ok(first && second);
    const refused = async (list: MigrationSet["migrations"], name: string, detail: RegExp): Promise<void> => {
      const migrating = database.migrate([{ owner: "test", migrations: list }]);
      await assert.rejects(
        migrating,
        (error) => MigrationMismatch.is(error) && error.data.migration === name && detail.test(error.message),
      );
    };
    await refused(
      [first, { ...second, sql: `${migrationText(second.sql, "sqlite")} ` }],
      "test/0002_line",
      /another text/,
    );
    await refused([second], "test/0001_counter", /gone/);
    await refused([first, { name: "0001_later", sql: "SELECT 1" }, second], "test/0001_later", /sorts before/);
    await refused([first, first, second], "test/0001_counter", /twice/);
    assert.deepEqual(await database.migrate([SCHEMA]), []);
  },

  async "of a newer build are let be by an older one, which works beside them"(database) {
    const more = { name: "0003_more", sql: "ALTER TABLE counter ADD COLUMN note TEXT" };
    const newer: MigrationSet = { owner: "test", migrations: [...SCHEMA.migrations, more] };
    assert.deepEqual(await migrationsAhead(database, [SCHEMA]), []);
    await database.migrate([newer]);
    assert.deepEqual(await database.migrate([SCHEMA]), []);
    assert.deepEqual(await migrationsAhead(database, [SCHEMA]), ["test/0003_more"]);
    assert.deepEqual(await migrationsAhead(database, [newer]), []);
    await insert(database, "x");
    assert.deepEqual(await database.migrate([newer]), []);
    // What both know must be the same; and one that the newer build has not applied would come too late.
    const [first, second] = SCHEMA.migrations;
    assert.ok(first && second);
    for (const [migrations, migration, detail] of [
      [[first, { ...second, sql: "SELECT 1" }], "test/0002_line", /another text/],
      [[first], undefined, undefined],
      [[first, more], "test/0002_line", /gone/],
      [[first, second, { name: "0002_own", sql: "SELECT 1" }], "test/0002_own", /sorts before 0003_more/],
    ] as const) {
      const migrating = database.migrate([{ owner: "test", migrations }]);
      if (migration === undefined) assert.deepEqual(await migrating, []);
      else
        await assert.rejects(
          migrating,
          (error) => MigrationMismatch.is(error) && error.data.migration === migration && detail.test(error.message),
        );
    }
  },

  async "of a newer build bring columns that an older one does not see"(database, subject) {
    const add = (name: string, sql: string): MigrationSet["migrations"][number] => ({ name, sql });
    const newer: MigrationSet = {
      owner: "test",
      migrations: [
        ...SCHEMA.migrations,
        add("0003_note", "ALTER TABLE counter ADD COLUMN note TEXT DEFAULT 'new'"),
        add("0004_place", "ALTER TABLE line ADD COLUMN place BIGINT"),
        add("0005_own", "CREATE TABLE own (id TEXT, note TEXT)"),
      ],
    };
    const joined = "SELECT * FROM counter JOIN line ON line.counter_id = counter.id";
    const seen = async (by: Database): Promise<object[]> => {
      const rows = await by.read(READ, (connection) => connection.all<object>(joined));
      const changed = "UPDATE counter SET count = count + 1 RETURNING *";
      return [...rows, ...(await by.write(WRITE, (connection) => connection.all<object>(changed)))];
    };
    await insert(database, "x");
    await database.write(WRITE, (connection) => connection.run("INSERT INTO line (id, counter_id) VALUES ('l', 'x')"));
    const before = [
      { id: "l", count: 0, counter_id: "x" },
      { id: "x", count: 1 },
    ];
    assert.deepEqual(await seen(database), before);
    await database.migrate([newer]);
    assert.deepEqual(await seen(database), [
      { ...before[0], count: 1, note: "new", place: null },
      { ...before[1], count: 2, note: "new" },
    ]);
    await database.migrate([SCHEMA]);
    const older = (count: number): object[] => [
      { ...before[0], count },
      { ...before[1], count: count + 1 },
    ];
    assert.deepEqual(await seen(database), older(2));
    const empty = await database.read(READ, (connection) => connection.all("SELECT * FROM counter WHERE id = 'y'"));
    assert.deepEqual(empty, []);
    if (!subject.keeps) return;
    await database.close();
    const again = await subject.open();
    await again.migrate([SCHEMA]);
    assert.deepEqual(await seen(again), older(3));
    await again.close();
  },

  async "that fail leave nothing of their step, and go on from there"(database) {
    const broken: MigrationSet = {
      owner: "step",
      migrations: [
        { name: "0001_good", sql: "CREATE TABLE good (id TEXT)" },
        { name: "0002_bad", sql: "CREATE TABLE half (id TEXT); INSERT INTO nowhere VALUES (1)" },
      ],
    };
    await assert.rejects(database.migrate([broken]), /step\/0002_bad/);
    const mended = {
      ...broken,
      migrations: [broken.migrations[0]!, { name: "0002_bad", sql: "CREATE TABLE half (id TEXT)" }],
    };
    assert.deepEqual(await database.migrate([mended]), ["step/0002_bad"]);
  },
};
