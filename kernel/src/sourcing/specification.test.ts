import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { specify } from "./specification.ts";
import { AlreadySent, type ParcelFact, parcelWith } from "./testing/parcel.ts";

const given = specify(parcelWith({})).given;
const cup: ParcelFact = { type: "packed", data: { id: "1", item: "cup", count: 1 } };
const sent: ParcelFact = { type: "sent", data: { id: "1", at: 5 } };
const send = { type: "send", id: "1", now: 5 } as const;
const pack = { type: "pack", id: "1", items: ["cup"] } as const;

describe("specify", () => {
  test("tells what follows from a command", () => {
    given([]).when(pack).thenFacts([cup]);
    given([cup]).when(send).thenFacts([sent]);
    given([cup])
      .when(send)
      .thenState({ items: { cup: 1 }, sentAt: 5 });
    given([sent]).when(send).thenNothing();
    given([sent]).when(pack).thenFault(AlreadySent);
    given([sent]).when(pack).thenFault(AlreadySent, { id: "1", at: 5 });
  });

  test("fails when it is otherwise, and shows both sides", () => {
    assert.throws(() => given([]).when(pack).thenFacts([sent]), /expected[^]*"sent"[^]*actual[^]*"packed"/);
    assert.throws(() => given([]).when(pack).thenNothing(), /facts differ/);
    assert.throws(() => given([]).when(pack).thenState({ items: {}, sentAt: 1 }), /state differ/);
    assert.throws(() => given([sent]).when(pack).thenFacts([cup]), /refused: parcels\/already-sent/);
    assert.throws(() => given([]).when(pack).thenFault(AlreadySent), /Expected the fault parcels\/already-sent/);
    assert.throws(
      () => given([sent]).when(pack).thenFault(AlreadySent, { id: "1", at: 6 }),
      /data of the fault differ/,
    );
  });
});
