/** What statements are compiled to when rows do not all have the same columns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { statements } from "./mod.ts";

interface Tables {
  room: { room: string; beds: number; view?: string };
}
const sql = statements<Tables>();
const insertion = () => sql((db, p: Tables["room"]) => db.insertInto("room").values(p));

void test("a row with a column that the first row left out is written with it", () => {
  const add = insertion();
  const without = add.compiled("sqlite", { room: "12", beds: 2 });
  assert.equal(without.sql, 'insert into "room" ("room", "beds") values (?, ?)');
  const row = { room: "14", beds: 1, view: "sea" };
  const whole = add.compiled("sqlite", row);
  assert.equal(whole.sql, 'insert into "room" ("room", "beds", "view") values (?, ?, ?)');
  assert.deepEqual(whole.bind(row), ["14", 1, "sea"]);
});

void test("what the first row has beside its columns is not asked of later ones", () => {
  const add = insertion();
  const wider: Tables["room"] & { note: string } = { room: "12", beds: 2, note: "late" };
  assert.match(add.compiled("postgres", wider).sql, /"note"/);
  const later = { room: "14", beds: 1 };
  const program = add.compiled("postgres", later);
  assert.equal(program.sql, 'insert into "room" ("room", "beds") values ($1, $2)');
  assert.deepEqual(program.bind(later), ["14", 1]);
  assert.equal(add.compiled("postgres", { room: "15", beds: 3 }), program, "compiled once");
});

void test("a statement that names its parameters is compiled once, whatever else it is given", () => {
  const find = sql((db, p: { room: string }) => db.selectFrom("room").selectAll().where("room", "=", p.room));
  const wider = { room: "12", beds: 2 };
  assert.equal(find.compiled("sqlite", wider), find.compiled("sqlite", { room: "14" }));
});
