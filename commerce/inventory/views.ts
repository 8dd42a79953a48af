/** What inventory shows. */
import { type Reader, statements } from "@isomer/kernel/store";
import { toInstant } from "@isomer/kernel/std";
import { PAGE_LIMIT, decodeCursor, listStatement, pageFrom } from "../shared/mod.ts";
import { type Availability, NoReservation } from "./contract.ts";
import { availableAt, statusOf } from "./domain.ts";
import { levelView } from "./levels.ts";
import { linesOf, reservationOf } from "./store.ts";
import type { LevelRow, ReservationRow, ReservationState, Tables } from "./tables.ts";

type Db = Reader<Tables>;

interface PageInput {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

const sql = statements<Tables>();
const levelsIn = listStatement<Tables, LevelRow>((skus) =>
  sql((db, p: Readonly<Record<string, string>>) => db.selectFrom("level").selectAll().where("sku", "in", skus(p))),
);

/** What is left of each variant; nothing of those that nobody ever stocked. */
export async function availability(db: Db, skus: readonly string[]): Promise<Availability[]> {
  const totals = new Map<string, { available: number; lowAt: number }>();
  for (const row of await levelsIn(db, skus)) {
    const total = totals.get(row.sku) ?? { available: 0, lowAt: 0 };
    totals.set(row.sku, {
      available: total.available + availableAt(row),
      lowAt: total.lowAt + row.low_at,
    });
  }
  return [...new Set(skus)].map((sku) => {
    const { available, lowAt } = totals.get(sku) ?? { available: 0, lowAt: 0 };
    return { sku, available, status: statusOf(available, lowAt) };
  });
}

/** The stock of one order. */
export async function reservation(db: Db, orderId: string) {
  const row = await db.first(reservationOf, { orderId });
  if (row === undefined) throw NoReservation.with({ orderId });
  return reservationView(db, row);
}

async function reservationView(db: Db, row: ReservationRow) {
  const lines = await db.all(linesOf, { id: row.id });
  return {
    id: row.id,
    orderId: row.order_id,
    state: row.state,
    reason: row.reason,
    expiresAt: toInstant(row.expires_at),
    updatedAt: toInstant(row.updated_at),
    lines: lines.map(({ sku, location, quantity, fulfilled, returned }) => ({
      sku,
      location,
      quantity,
      fulfilled,
      returned,
    })),
  };
}

/** Reservations, newest first. */
export async function reservations(db: Db, input: PageInput & { readonly state?: ReservationState | undefined }) {
  const limit = input.limit ?? PAGE_LIMIT;
  const rows = await db.query((builder) => {
    let find = builder
      .selectFrom("reservation")
      .selectAll()
      .orderBy("id", "desc")
      .limit(limit + 1);
    if (input.state !== undefined) find = find.where("state", "=", input.state);
    if (input.cursor !== undefined) find = find.where("id", "<", decodeCursor(input.cursor, ["string"])[0]);
    return find;
  });
  const page = pageFrom(rows, limit, (row) => [row.id]);
  const items = [];
  for (const row of page.items) items.push(await reservationView(db, row));
  return { ...page, items };
}

/** Locations, in the order in which they serve. */
export async function locations(db: Db) {
  return {
    items: await db.query((builder) =>
      builder
        .selectFrom("location")
        .select(["code", "name", "country", "priority"])
        .orderBy("priority")
        .orderBy("code"),
    ),
  };
}

/** Levels, by variant and location. */
export async function levels(
  db: Db,
  input: PageInput & { readonly sku?: string | undefined; readonly location?: string | undefined },
) {
  const limit = input.limit ?? PAGE_LIMIT;
  const rows = await db.query((builder) => {
    let find = builder
      .selectFrom("level")
      .selectAll()
      .orderBy("sku")
      .orderBy("location")
      .limit(limit + 1);
    if (input.sku !== undefined) find = find.where("sku", "=", input.sku);
    if (input.location !== undefined) find = find.where("location", "=", input.location);
    if (input.cursor !== undefined) {
      const [sku, location] = decodeCursor(input.cursor, ["string", "string"]);
      find = find.where((eb) =>
        eb.or([eb("sku", ">", sku), eb.and([eb("sku", "=", sku), eb("location", ">", location)])]),
      );
    }
    return find;
  });
  const page = pageFrom(rows, limit, (row) => [row.sku, row.location]);
  return { ...page, items: page.items.map(levelView) };
}

/** The ledger, newest first. */
export async function movements(
  db: Db,
  input: PageInput & { readonly sku?: string | undefined; readonly orderId?: string | undefined },
) {
  const limit = input.limit ?? PAGE_LIMIT;
  const rows = await db.query((builder) => {
    let find = builder
      .selectFrom("movement")
      .select(["id", "sku", "location", "kind", "quantity", "order_id", "reason", "actor", "at"])
      .orderBy("id", "desc")
      .limit(limit + 1);
    if (input.sku !== undefined) find = find.where("sku", "=", input.sku);
    if (input.orderId !== undefined) find = find.where("order_id", "=", input.orderId);
    if (input.cursor !== undefined) find = find.where("id", "<", decodeCursor(input.cursor, ["string"])[0]);
    return find;
  });
  const page = pageFrom(rows, limit, (row) => [row.id]);
  return {
    ...page,
    items: page.items.map(({ order_id: orderId, at, ...row }) => ({
      ...row,
      ...(orderId === null ? {} : { orderId }),
      at: toInstant(at),
    })),
  };
}
