import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SHIPMENT_STATUSES } from "./contract.ts";
import { type Entry, type Status, inOrder, isCarriers, isOver, latest, statusOf } from "./tracking.ts";

const entry = fc.record({
  entry_id: fc.uuid(),
  status: fc.constantFrom(...SHIPMENT_STATUSES),
  // Few moments, so that many are equal.
  at: fc.integer({ min: 0, max: 6 }),
});
const log = fc.uniqueArray(entry, { selector: (each) => each.entry_id, maxLength: 12 });
const said = (status: Status, at: number): Entry => ({ entry_id: `${status}-${at}`, status, at });

describe("the fold of a tracking log", () => {
  test("is the same for every order of arrival, however often each arrives", () => {
    fc.assert(
      fc.property(
        log.chain((entries) =>
          fc.tuple(
            fc.constant(entries),
            fc.shuffledSubarray([...entries, ...entries], {
              minLength: 2 * entries.length,
              maxLength: 2 * entries.length,
            }),
          ),
        ),
        ([entries, shuffled]) => {
          assert.equal(statusOf(shuffled), statusOf(entries));
          assert.deepEqual(
            inOrder(shuffled.slice(0)).map(({ at }) => at),
            shuffled.map(({ at }) => at).toSorted(),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("is not taken back by a scan that arrives late", () => {
    const onTheWay = fc.constantFrom<Status>("in_transit", "exception", "out_for_delivery", "available_for_pickup");
    fc.assert(
      fc.property(log, onTheWay, fc.integer({ min: 0, max: 6 }), (entries, status, at) => {
        const before = latest(entries);
        const after = statusOf([...entries, said(status, at)]);
        const isOlder = before !== undefined && isCarriers(before.status) && at < before.at;
        if (isOlder || isOver(before?.status ?? "draft")) assert.equal(after, before?.status);
        else assert.ok(after === before?.status || after === status, "it says nothing else");
      }),
      { numRuns: 2_000 },
    );
  });

  test("an ending stays, whatever is said of the parcel afterwards", () => {
    for (const end of ["delivered", "returned_to_sender", "cancelled"] as const) {
      const after = [said(end, 5), said("in_transit", 9), said("exception", 10), said("lost", 11)];
      assert.equal(statusOf(after), end);
    }
    assert.equal(statusOf([said("lost", 5), said("delivered", 9)]), "delivered", "a lost parcel may be found");
  });

  test("an exception ends when the parcel goes on", () => {
    const parcel = [said("shipped", 1), said("in_transit", 2), said("exception", 3)];
    assert.equal(statusOf(parcel), "exception");
    assert.equal(statusOf([...parcel, said("in_transit", 4)]), "in_transit");
    assert.equal(statusOf([...parcel, said("out_for_delivery", 2)]), "exception", "by the carrier's time, not by rank");
    assert.equal(statusOf([]), "draft");
  });
});
