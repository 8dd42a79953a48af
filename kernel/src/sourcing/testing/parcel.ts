/** A small aggregate for tests: a parcel that is packed, sent and lost or delivered. */
import { contract, event } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { defineFault } from "../../std/mod.ts";
import { type FactOf, defineAggregate } from "../aggregate.ts";

/** The contract of the service that keeps parcels. */
export const parcels = contract("parcels", {
  version: "1.0.0",
  events: {
    packed: event({
      key: "id",
      data: t.object({ id: t.text(), item: t.text(), count: t.integer() }),
    }),
    sent: event({ key: "id", data: t.object({ id: t.text(), at: t.integer() }) }),
    /** Not the aggregate's: about a parcel all the same. */
    weighed: event({ key: "id", data: t.object({ id: t.text(), grams: t.integer() }) }),
  },
});

const { packed, sent } = parcels.events;
const events = { packed, sent };

/** What can happen to a parcel. */
export type ParcelFact = FactOf<typeof events>;

/** What is packed, and when it left; null while it has not. */
export interface Parcel {
  readonly items: Readonly<Record<string, number>>;
  readonly sentAt: number | null;
}

/** What can be asked of a parcel. */
export type ParcelCommand =
  | { readonly type: "pack"; readonly id: string; readonly items: readonly string[] }
  | { readonly type: "send"; readonly id: string; readonly now: number };

/** A parcel that was sent is closed. */
export const AlreadySent = defineFault<{ id: string; at: number }>({
  code: "parcels/already-sent",
  kind: "conflict",
  message: ({ id }) => `The parcel ${id} was sent already.`,
});

function decide(parcel: Parcel, command: ParcelCommand): readonly ParcelFact[] {
  const { id } = command;
  if (parcel.sentAt !== null) {
    if (command.type === "send") return [];
    throw AlreadySent.with({ id, at: parcel.sentAt });
  }
  switch (command.type) {
    case "pack":
      return command.items.map((item) => ({ type: "packed", data: { id, item, count: 1 } }));
    case "send":
      return [{ type: "sent", data: { id, at: command.now } }];
  }
}

function evolve(parcel: Parcel, fact: ParcelFact): Parcel {
  switch (fact.type) {
    case "packed": {
      const { item, count } = fact.data;
      return { ...parcel, items: { ...parcel.items, [item]: (parcel.items[item] ?? 0) + count } };
    }
    case "sent":
      return { ...parcel, sentAt: fact.data.at };
  }
}

/** The aggregate with snapshots as often as said. */
export function parcelWith(options: { readonly snapshotEvery?: number; readonly revision?: number }) {
  return defineAggregate({
    name: "parcel",
    events,
    initial: { items: {}, sentAt: null },
    decide,
    evolve,
    ...options,
  });
}
