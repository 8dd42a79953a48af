/** One consumer in two builds, of which the newer hears a type more. Both lead in turn, and nothing is lost or doubled. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Transact } from "./dead-letters.ts";
import { LEFT_MS } from "./heard-types.ts";
import { pruneInbox } from "./inbox.ts";
import { Hearer, Teller, drive, settle, shop } from "./testing/setup.ts";

const older = { events: [shop.events.moved] };
const newer = { events: [shop.events.moved, shop.events.noted] };

async function opened() {
  const teller = await Teller.open();
  const hearer = await Hearer.open(teller);
  return {
    ...{ teller, hearer },
    /** Tells an event of each type. */
    async tell(n: number): Promise<void> {
      await teller.database.write({ label: "tell" }, async (connection) => {
        const recorder = teller.recorder(connection);
        await recorder.emit(shop.events.moved, { id: "moved", n });
        await recorder.emit(shop.events.noted, { id: "noted", n });
      });
      teller.source.notify();
    },
    lead: (build: typeof older) => settle(teller, hearer.consumer(build)),
    async seen() {
      return { moved: await hearer.seenOf("moved"), noted: await hearer.seenOf("noted") };
    },
  };
}

describe("a type that only the newer build hears", () => {
  test("is heard from where the newer one stood, after the older one has led again", async () => {
    const { hearer, tell, lead, seen } = await opened();
    await tell(1);
    await lead(newer);
    await tell(2);
    await lead(older);
    await tell(3);
    await lead(older);
    // What the older one had heard is not handled again, also when the inbox has forgotten it.
    const forget = { label: "forget" };
    await hearer.database.write(forget, (connection) => pruneInbox(connection, Number.MAX_SAFE_INTEGER, 100));
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2, 3], noted: [1, 2, 3] });
    await tell(4);
    await lead(newer);
    await lead(older);
    await tell(5);
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2, 3, 4, 5], noted: [1, 2, 3, 4, 5] });
  });

  test("is heard from where the consumer stands, when no build has heard it before", async () => {
    const { tell, lead, seen } = await opened();
    await tell(1);
    await lead(older);
    await tell(2);
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2], noted: [2] });
  });

  test("begins anew where the consumer stands, when nobody has heard it for a week", async () => {
    const { teller, tell, lead, seen } = await opened();
    await tell(1);
    await lead(newer);
    await lead(older);
    await tell(2);
    await teller.clock.advance(LEFT_MS - 60_000);
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2], noted: [1, 2] });
    await lead(older);
    await tell(3);
    await lead(older);
    await teller.clock.advance(LEFT_MS);
    await lead(newer);
    await tell(4);
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2, 3, 4], noted: [1, 2, 4] });
  });

  test("is not passed over by an older leader that ends late", async () => {
    const { teller, hearer, tell, lead, seen } = await opened();
    await tell(1);
    await lead(newer);
    const [leading, late] = [new AbortController(), hearer.consumer(older)];
    const running = late.run(leading.signal);
    await tell(2);
    await drive(teller.clock, late.idle());
    // Another takes over before the last one has stored where it stood, and its process ends before it has done anything.
    const dead = new AbortController();
    const transact: Transact = (...transaction) =>
      dead.signal.aborted ? Promise.reject(new Error("ended")) : hearer.transact(...transaction);
    const next = hearer.consumer({ ...newer, transact, handle: () => Promise.reject(new Error("not yet")) });
    const ending = next.run(dead.signal);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    dead.abort();
    leading.abort();
    await drive(teller.clock, Promise.all([running, ending]));
    await lead(newer);
    assert.deepEqual(await seen(), { moved: [1, 2], noted: [1, 2] });
  });
});
