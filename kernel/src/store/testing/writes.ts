/** Conformance: writes. */
import assert from "node:assert/strict";
import { type Row, TransactionOver, isUniqueViolation, statements, writerOn } from "../mod.ts";
import {
  type Case,
  INSERT,
  READ,
  SCHEMA,
  SELECT,
  type Tables,
  WRITE,
  counters,
  insert,
  rejectsWith,
} from "./subject.ts";

/** Cases by name. */
export const writes: Readonly<Record<string, Case>> = {
  async "give what the body returned, and its changes are seen"(database) {
    const answer = await database.write(WRITE, async (connection) => {
      assert.equal(await connection.run(INSERT, ["a", 1]), 1);
      return {
        count: await connection.run("UPDATE counter SET count = count + ? WHERE id = ?", [2, "a"]),
      };
    });
    assert.deepEqual(answer, { count: 1 });
    assert.deepEqual(await counters(database), { a: 3 });
  },

  async "leave nothing behind when the body throws, and it is thrown as it is"(database) {
    await insert(database, "kept");
    const error = new Error("no");
    const failing = database.write(WRITE, async (connection) => {
      await connection.run(INSERT, ["a", 1]);
      await connection.run("UPDATE counter SET count = 9", []);
      throw error;
    });
    await assert.rejects(failing, (thrown) => thrown === error);
    assert.deepEqual(await counters(database), { kept: 0 });
  },

  async "leave nothing behind when the body throws before it returns a promise"(database) {
    const failing = database.write(WRITE, () => {
      throw new RangeError("at once");
    });
    await assert.rejects(failing, RangeError);
    await insert(database, "after");
    assert.deepEqual(await counters(database), { after: 0 });
  },

  async "that fail leave those beside them alone"(database) {
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) =>
        database.write(WRITE, async (connection) => {
          await connection.run(INSERT, [`k${index}`, index]);
          if (index % 3 === 0) throw new Error("every third");
        }),
      ),
    );
    assert.equal(results.filter(({ status }) => status === "rejected").length, 10);
    const ids = Object.keys(await counters(database));
    assert.equal(ids.length, 20);
    assert.ok(!ids.includes("k0") && !ids.includes("k27") && ids.includes("k1") && ids.includes("k29"));
  },

  async "take effect as if one ran after another"(database) {
    await insert(database, "a");
    const seen = await Promise.all(
      Array.from({ length: 100 }, () =>
        database.write(WRITE, async (connection) => {
          const [row] = await connection.all<{ count: number }>("SELECT count FROM counter WHERE id = ?", ["a"]);
          await Promise.resolve();
          await connection.run("UPDATE counter SET count = ? WHERE id = ?", [Number(row?.count) + 1, "a"]);
          return Number(row?.count);
        }),
      ),
    );
    assert.deepEqual(await counters(database), { a: 100 });
    assert.equal(new Set(seen).size, 100);
  },

  async "see their own changes, and those of writes before them"(database) {
    await insert(database, "a", 5);
    const second = await database.write(WRITE, async (connection) => {
      await connection.run(INSERT, ["b", 6]);
      return connection.all<{ id: string }>(SELECT);
    });
    assert.deepEqual(
      second.map(({ id }) => id),
      ["a", "b"],
    );
  },

  async "tell a repeated key by its code"(database) {
    await insert(database, "a");
    await assert.rejects(insert(database, "a"), isUniqueViolation);
    assert.equal(isUniqueViolation(new Error("UNIQUE constraint failed")), false);
  },

  async "keep references whole"(database) {
    const orphan = database.write(WRITE, (connection) =>
      connection.run("INSERT INTO line (id, counter_id) VALUES (?, ?)", ["l", "nobody"]),
    );
    await assert.rejects(orphan);
    await assert.rejects(orphan, (error) => !isUniqueViolation(error));
  },

  async "refuse statements after their end"(database) {
    const escaped = await database.write(WRITE, async (connection) => ({ connection }));
    await rejectsWith(TransactionOver, escaped.connection.all(SELECT));
    await rejectsWith(TransactionOver, escaped.connection.run(INSERT, ["late", 1]));
    assert.deepEqual(await counters(database), {});
  },

  async "refuse to end the transaction from within"(database) {
    const ending = database.write(WRITE, async (connection) => {
      await connection.run(INSERT, ["a", 1]);
      await connection.run("COMMIT");
    });
    await assert.rejects(ending);
    assert.deepEqual(await counters(database), {});
  },

  async "carry out one statement at a time"(database) {
    const two = database.write(WRITE, (connection) =>
      connection.run("INSERT INTO counter (id, count) VALUES ('a', 1); DELETE FROM counter"),
    );
    await assert.rejects(two);
    assert.deepEqual(await counters(database), {});
  },

  async "keep values as they are"(database) {
    const bytes = new Uint8Array([0, 1, 255]);
    await database.migrate([
      SCHEMA,
      {
        owner: "values",
        migrations: [{ name: "0001_all", sql: "CREATE TABLE v (t TEXT, i BIGINT, b BYTEA, n TEXT)" }],
      },
    ]);
    const row = await database.write(WRITE, async (connection) => {
      const text = "Zürich \u{1f642} '; --";
      await connection.run("INSERT INTO v (t, i, b, n) VALUES (?, ?, ?, ?)", [text, 2 ** 53 - 1, bytes, null]);
      const [found] = await connection.all<Row>("SELECT t, i, b, n, i / ? AS half FROM v", [2]);
      return { ...found, text } as Row;
    });
    assert.equal(row["t"], row["text"]);
    assert.equal(Number(row["i"]), 2 ** 53 - 1);
    assert.equal(Number(row["half"]), 2 ** 52 - 1);
    assert.deepEqual(new Uint8Array(row["b"] as Uint8Array), bytes);
    assert.equal(row["n"], null);
  },

  async "refuse integers that are not exact"(database) {
    await assert.rejects(insert(database, "a", 2 ** 53), RangeError);
    const beyond = database.read(READ, (connection) => connection.all("SELECT 9007199254740993 AS n"));
    await assert.rejects(beyond, RangeError);
  },

  async "take typed statements"(database) {
    const sql = statements<Tables>();
    const put = sql((db, p: { id: string; count: number }) =>
      db.insertInto("counter").values({ id: p.id, count: p.count }),
    );
    const byId = sql((db, p: { id: string }) => db.selectFrom("counter").selectAll().where("id", "=", p.id));
    const row = await database.write(WRITE, async (connection) => {
      const db = writerOn<Tables>(connection);
      await db.run(put, { id: "a", count: 7 });
      await db.change((kysely) => kysely.updateTable("counter").set({ count: 8 }).where("id", "=", "a"));
      return db.first(byId, { id: "a" });
    });
    assert.deepEqual({ ...row, count: Number(row?.count) }, { id: "a", count: 8 });
  },
};
