import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type EventOptions, contract, event } from "../contract/mod.ts";
import { Invalid, t } from "../schema/mod.ts";
import type { EventRecord } from "./event.ts";
import { UpcastMissing, VersionUnknown, checkUpcasts, upcast } from "./upcast.ts";

const data = t.object({ id: t.text(), name: t.text(), tags: t.array(t.text()) });

function renamed(options: Pick<EventOptions<typeof data>, "version" | "upcasts">) {
  return contract("shop", {
    version: "1.0.0",
    events: { renamed: event({ key: "id", data, ...options }) },
  }).events.renamed;
}

const three = renamed({
  version: 3,
  upcasts: {
    1: ({ id, title }: { id: string; title: string }) => ({ id, name: title }),
    2: (old: { id: string; name: string }) => ({ ...old, tags: [] }),
  },
});

function stored(version: number, stored: unknown): EventRecord {
  return {
    id: "e",
    service: "shop",
    type: "renamed",
    version,
    key: "1",
    sequence: 1,
    position: 1,
    at: 0,
    data: stored,
    actor: {},
    trace: undefined,
  };
}

describe("upcast", () => {
  test("brings each version to the newest, step by step, and leaves the record as it was", () => {
    const first = stored(1, { id: "1", title: "Tea" });
    assert.deepEqual(upcast(three, first), {
      ...first,
      version: 3,
      data: { id: "1", name: "Tea", tags: [] },
    });
    assert.deepEqual(upcast(three, stored(2, { id: "1", name: "Tea" })).data, {
      id: "1",
      name: "Tea",
      tags: [],
    });
    assert.deepEqual(first.data, { id: "1", title: "Tea" });
    const newest = stored(3, { id: "1", name: "Tea", tags: [] });
    assert.equal(upcast(three, newest), newest);
  });

  test("names the step that is missing, at the start and when it is needed", () => {
    const gap = renamed({ version: 3, upcasts: { 1: () => ({}) } });
    const isGap = (error: unknown): boolean =>
      UpcastMissing.is(error) && error.data.from === 2 && error.kind === "broken";
    assert.throws(() => upcast(gap, stored(1, {})), isGap);
    assert.throws(() => checkUpcasts(gap), isGap);
    checkUpcasts(three);
  });

  test("lets an event of a newer build wait", () => {
    assert.throws(
      () => upcast(three, stored(4, {})),
      (error) => VersionUnknown.is(error) && error.kind === "unavailable",
    );
  });

  test("refuses what an upcast made when it does not fit", () => {
    const wrong = renamed({ version: 2, upcasts: { 1: () => ({ id: 1 }) } });
    assert.throws(
      () => upcast(wrong, stored(1, {})),
      (error) => Invalid.is(error),
    );
  });
});
