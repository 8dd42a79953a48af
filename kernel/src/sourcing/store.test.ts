import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contract, event } from "../contract/mod.ts";
import { recorderOn } from "../events/mod.ts";
import { openMemory } from "../events/testing/setup.ts";
import { t } from "../schema/mod.ts";
import { uuidV7 } from "../std/mod.ts";
import { ManualClock } from "../std/testing/manual-clock.ts";
import { seededRandom } from "../std/testing/seeded-random.ts";
import type { SqlConnection } from "../store/mod.ts";
import { defineAggregate } from "./aggregate.ts";
import { sourcingMigrations } from "./snapshots.ts";
import { VersionConflict, execute, load } from "./store.ts";
import { AlreadySent, type ParcelCommand, parcelWith, parcels } from "./testing/parcel.ts";

const parcel = parcelWith({});

async function open() {
  const database = await openMemory("parcels", sourcingMigrations);
  const clock = new ManualClock();
  const ids = uuidV7(clock, seededRandom(1));
  const txOn = (connection: SqlConnection) => {
    const recorder = recorderOn(connection, {
      service: "parcels",
      events: parcels.events,
      ids,
      clock,
      actor: {},
      trace: undefined,
    });
    return { connection, ...recorder };
  };
  const write = <T>(body: (tx: ReturnType<typeof txOn>) => Promise<T>): Promise<T> =>
    database.write({ label: "test" }, (connection) => body(txOn(connection)));
  const run = (command: ParcelCommand, options: { expectedVersion?: number } = {}, aggregate = parcel) =>
    write((tx) => execute(tx, aggregate, command.id, command, options));
  return { write, run };
}

describe("an aggregate in the log", () => {
  test("begins as its initial state, and is what its events made of it", async () => {
    const { write, run } = await open();
    assert.deepEqual(await write((tx) => load(tx, parcel, "1")), {
      state: parcel.initial,
      version: 0,
    });
    const first = await run({ type: "pack", id: "1", items: ["cup", "cup"] });
    assert.deepEqual(first.state, { items: { cup: 2 }, sentAt: null });
    assert.equal(first.version, 2);
    assert.deepEqual(
      first.events.map((one) => [one.type, one.sequence]),
      [
        ["packed", 1],
        ["packed", 2],
      ],
    );
    await run({ type: "send", id: "1", now: 5 });
    assert.deepEqual(await write((tx) => load(tx, parcel, "1")), {
      state: { items: { cup: 2 }, sentAt: 5 },
      version: 3,
    });
    assert.deepEqual((await run({ type: "send", id: "1", now: 6 })).events, []);
    await assert.rejects(
      run({ type: "pack", id: "1", items: ["pen"] }),
      (error) => AlreadySent.is(error) && error.data.at === 5,
    );
  });

  test("refuses a command for another version", async () => {
    const { run } = await open();
    await run({ type: "pack", id: "1", items: ["cup"] }, { expectedVersion: 0 });
    const late = run({ type: "pack", id: "1", items: ["pen"] }, { expectedVersion: 0 });
    await assert.rejects(late, (error) => {
      assert.ok(VersionConflict.is(error));
      assert.equal(error.kind, "conflict");
      assert.deepEqual(error.data, { aggregate: "parcel", id: "1", expected: 0, actual: 1 });
      return true;
    });
    assert.equal((await run({ type: "pack", id: "1", items: ["pen"] }, { expectedVersion: 1 })).version, 2);
  });

  test("lets one of many win who expect the same version", async () => {
    const { run } = await open();
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => run({ type: "pack", id: "1", items: [`i${n}`] }, { expectedVersion: 0 })),
    );
    assert.equal(all.filter((one) => one.status === "fulfilled").length, 1);
    assert.ok(all.every((one) => one.status === "fulfilled" || VersionConflict.is(one.reason)));
  });

  test("notices what was recorded between load and emit, where transactions are not serial", async () => {
    const { write } = await open();
    await assert.rejects(
      write(async (tx) => {
        const emit: typeof tx.emit = async (type, data) => {
          await tx.emit(parcels.events.weighed, { id: "1", grams: 5 });
          return tx.emit(type, data);
        };
        return execute({ ...tx, emit }, parcel, "1", { type: "send", id: "1", now: 1 });
      }),
      (error) => VersionConflict.is(error) && error.data.actual === 1,
    );
  });

  test("counts other events of its key, and passes them by", async () => {
    const { write, run } = await open();
    await write((tx) => tx.emit(parcels.events.weighed, { id: "1", grams: 5 }));
    const after = await run({ type: "send", id: "1", now: 1 });
    assert.deepEqual(after.state, { items: {}, sentAt: 1 });
    assert.equal(after.version, 2);
  });

  test("refuses facts about another aggregate", async () => {
    const { write } = await open();
    await assert.rejects(
      write((tx) => execute(tx, parcel, "1", { type: "send", id: "2", now: 1 })),
      TypeError,
    );
    assert.equal((await write((tx) => load(tx, parcel, "2"))).version, 0, "and records nothing");
  });
});

describe("snapshots", () => {
  test("change nothing: a snapshot and what followed is the full replay", async () => {
    const pack = fc.array(fc.constantFrom("cup", "pen", "tea"), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(pack, { maxLength: 12 }),
        fc.integer({ min: 1, max: 7 }),
        async (packs, snapshotEvery) => {
          const { write, run } = await open();
          const kept = parcelWith({ snapshotEvery });
          for (const items of packs) {
            const after = await run({ type: "pack", id: "1", items }, {}, kept);
            const replayed = await write((tx) => load(tx, parcel, "1"));
            assert.deepEqual({ state: after.state, version: after.version }, replayed);
            assert.deepEqual(await write((tx) => load(tx, kept, "1")), replayed);
          }
          const [row] = await write((tx) =>
            tx.connection.all<{ version: number }>("SELECT version FROM isomer_snapshot"),
          );
          const length = packs.flat().length;
          if (length >= snapshotEvery) assert.ok((row?.version ?? 0) > length - snapshotEvery - 4);
          else assert.equal(row, undefined);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("of an older revision are ignored", async () => {
    const { write, run } = await open();
    await run({ type: "pack", id: "1", items: ["cup"] }, {}, parcelWith({ snapshotEvery: 1 }));
    await write((tx) => tx.connection.run("UPDATE isomer_snapshot SET state = ?", ['"another form"']));
    assert.equal(
      (await write((tx) => load(tx, parcelWith({ snapshotEvery: 1 }), "1"))).state as unknown,
      "another form",
    );
    const revised = parcelWith({ snapshotEvery: 1, revision: 2 });
    assert.deepEqual((await write((tx) => load(tx, revised, "1"))).state, {
      items: { cup: 1 },
      sentAt: null,
    });
  });
});

describe("defineAggregate", () => {
  const initial = {};
  const pure = { decide: () => [], evolve: () => ({}) };

  test("refuses events that cannot make one state", () => {
    const { packed, sent } = parcels.events;
    const other = contract("other", {
      version: "1.0.0",
      events: { opened: event({ key: "id", data: t.object({ id: t.text() }) }) },
    });
    assert.throws(() => defineAggregate({ name: "p", events: {}, initial, ...pure }), TypeError);
    assert.throws(() => defineAggregate({ name: "p", events: { packed: sent }, initial, ...pure }), TypeError);
    assert.throws(
      () =>
        defineAggregate({
          name: "p",
          events: { packed, opened: other.events.opened },
          initial,
          ...pure,
        }),
      TypeError,
    );
  });

  test("reads old versions of events", async () => {
    const { write } = await open();
    await write((tx) => tx.emit(parcels.events.sent, { id: "1", at: 7 }));
    const data = t.object({ id: t.text(), at: t.integer(), by: t.text() });
    const upcasts = { 1: (old: object) => ({ ...old, by: "post" }) };
    const { sent } = contract("parcels", {
      version: "2.0.0",
      events: { sent: event({ key: "id", version: 2, data, upcasts }) },
    }).events;
    const carried = defineAggregate({
      name: "carried",
      events: { sent },
      initial: "nobody",
      decide: () => [],
      evolve: (before: string, fact) => `${before}, then ${fact.data.by}`,
    });
    assert.equal((await write((tx) => load(tx, carried, "1"))).state, "nobody, then post");
  });
});
