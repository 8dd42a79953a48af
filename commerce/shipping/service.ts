/** shipping, as it runs. */
import { type CommandContext, type JobContext, implement, subscribe } from "@isomer/kernel/runtime";
import { type Crypto, BadSignature as Unsigned, verifyWebhook } from "@isomer/kernel/security";
import { faultFrom, toInstant } from "@isomer/kernel/std";
import type { Reader } from "@isomer/kernel/store";
import { inventory } from "../inventory/contract.ts";
import { orders } from "../orders/contract.ts";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { SandboxCarrier, readEvent } from "./carrier.ts";
import { tellCarrier } from "./carrier-tasks.ts";
import { BadEvent, BadSignature, NoShipment, type Shipment, shipping } from "./contract.ts";
import { listRates, optionsFor, setRates } from "./rates.ts";
import { leave } from "./saga.ts";
import { Settings } from "./settings.ts";
import { cancelForOrder, claim, draft, leavingId, requireReady, setOnHold } from "./shipments.ts";
import {
  type ShipmentRow,
  type Tables,
  calledOff,
  dueToShip,
  findPage,
  shipmentById,
  shipmentOf,
  shipmentTracked,
  trackingOf,
} from "./store.ts";
import { inOrder } from "./tracking.ts";
import { forget, processWebhooks, receive } from "./webhooks.ts";

/** How long a request waits for a parcel to have left before it answers with where it stands. */
const SHIP_WAIT_MS = 8_000;
const BATCH = 20;

type Uses = "inventory";
type Ctx = CommandContext<Tables, Uses, Settings>;

function view(row: ShipmentRow): Shipment {
  return {
    shipmentId: row.shipment_id,
    orderId: row.order_id,
    status: row.status,
    carrier: row.carrier,
    optionCode: row.option_code,
    ...(row.tracking_number === null ? {} : { trackingNumber: row.tracking_number }),
    lines: JSON.parse(row.lines) as Shipment["lines"],
    version: row.version,
    createdAt: toInstant(row.created_at),
    updatedAt: toInstant(row.updated_at),
  };
}

async function read(db: Reader<Tables>, shipmentId: string): Promise<ShipmentRow> {
  const row = await db.first(shipmentById, { shipmentId });
  if (row === undefined) throw NoShipment.with({ what: shipmentId });
  return row;
}

/** Claims the shipment and starts the saga that takes it out of the house; one that is leaving already is left to it. */
function ship({ shipmentId }: { shipmentId: string }, ctx: Ctx): Promise<Shipment> {
  return ctx.transaction(async (tx) => {
    const row = await read(tx, shipmentId);
    if (row.leaving !== null) return view(row);
    requireReady(row);
    await tx.start(leave, { shipmentId, orderId: row.order_id }, await claim(tx, row, ctx.now()));
    return view(await read(tx, shipmentId));
  });
}

/** One run of the job: what is ready and has waited long enough leaves by itself. */
async function autoShip(ctx: JobContext<Tables, Uses, Settings>): Promise<boolean> {
  if ((await ctx.read((db) => db.all(dueToShip, { now: ctx.now(), limit: 1 }))).length === 0) return false;
  return ctx.transaction(async (tx) => {
    const now = ctx.now();
    const rows = await tx.all(dueToShip, { now, limit: BATCH });
    for (const row of rows) {
      await tx.start(leave, { shipmentId: row.shipment_id, orderId: row.order_id }, await claim(tx, row, now));
    }
    return rows.length === BATCH;
  });
}

function verify(
  payload: string,
  signature: string,
  ctx: { readonly settings: Settings; readonly crypto: Crypto; now(): number },
) {
  try {
    verifyWebhook({
      secrets: ctx.settings.webhookSecrets,
      rawBody: payload,
      header: signature,
      nowSeconds: Math.floor(ctx.now() / 1_000),
      crypto: ctx.crypto,
    });
  } catch (error) {
    throw Unsigned.is(error) ? BadSignature.with({}) : error;
  }
}

async function track(db: Reader<Tables>, trackingNumber: string) {
  const row = await db.first(shipmentTracked, { trackingNumber });
  if (row === undefined) throw NoShipment.with({ what: `with the tracking number ${trackingNumber}` });
  const entries = inOrder(await db.all(trackingOf, { shipmentId: row.shipment_id }));
  const history = entries.map(({ status, at, place, message }) => ({
    status,
    at: toInstant(at),
    ...(place === null ? {} : { place }),
    message,
  }));
  return { trackingNumber, carrier: row.carrier, status: row.status, history };
}

const hear = subscribe<Tables, Settings>();

export default implement<Tables>()(shipping, {
  uses: [inventory],
  database: { migrations: new URL("./migrations/", import.meta.url) },
  settings: Settings,
  commands: {
    cancelForOrder: ({ orderId, reason }, ctx) =>
      ctx.transaction(async (tx) => {
        await cancelForOrder(tx, { orderId, reason }, ctx.now());
        return { orderId, cancelled: true as const };
      }),
    ship,
    setRates: ({ zones }, ctx) => ctx.transaction(async (tx) => ({ changed: await setRates(tx, zones) })),
    async receiveWebhook({ payload, signature }, ctx) {
      verify(payload, signature, ctx);
      const event = readEvent(payload);
      if (event === undefined) throw BadEvent.with({ detail: "it has another form" });
      return ctx.transaction(async (tx) => {
        await receive(tx, event, payload, { now: ctx.now(), log: ctx.log });
        return { received: true as const };
      });
    },
  },
  queries: {
    options: (input, ctx) => ctx.read(async (db) => ({ options: await optionsFor(db, input) })),
    rates: (_, ctx) => ctx.read(listRates),
    byOrder: ({ orderId }, ctx) =>
      ctx.read(async (db) => {
        const row = await db.first(shipmentOf, { orderId });
        return { items: row === undefined ? [] : [view(row)] };
      }),
    track: ({ trackingNumber }, ctx) => ctx.read((db) => track(db, trackingNumber)),
    list: ({ status, cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        const before = cursor === undefined ? undefined : decodeCursor(cursor, ["number", "string"]);
        const rows = await findPage(db, { status, before, limit: limit + 1 });
        const page = pageFrom(rows, limit, (row) => [row.created_at, row.shipment_id]);
        return { ...page, items: page.items.map(view) };
      }),
  },
  owners: {
    byOrder: async ({ orderId }, db) =>
      (await db.first(shipmentOf, { orderId }))?.subject ??
      (await db.first(calledOff, { orderId }))?.subject ??
      undefined,
  },
  after: {
    async ship(claimed, ctx) {
      const { shipmentId } = claimed;
      const saga = await ctx.saga(leavingId(claimed), { timeoutMs: SHIP_WAIT_MS });
      if (saga?.status === "compensated" && saga.fault !== undefined)
        throw faultFrom(saga.fault as Parameters<typeof faultFrom>[0]);
      return view(await ctx.read((db) => read(db, shipmentId)));
    },
  },
  on: [
    hear(orders.events.placed, ({ data }, tx, ctx) => draft(tx, data, { shipmentId: ctx.ids.next(), now: ctx.now() })),
    hear(orders.events.held, ({ data }, tx, ctx) => setOnHold(tx, data.orderId, true, ctx.now())),
    hear(orders.events.resumed, ({ data }, tx, ctx) => setOnHold(tx, data.orderId, false, ctx.now())),
  ],
  sagas: [leave],
  jobs: [
    { name: "tellCarrier", everyMs: 500, deadlineMs: 30_000, run: (ctx) => tellCarrier(new SandboxCarrier(ctx), ctx) },
    { name: "processWebhooks", everyMs: 1_000, run: processWebhooks },
    { name: "autoShip", everyMs: 1_000, run: autoShip },
    { name: "forget", everyMs: 3_600_000, run: forget },
  ],
});
