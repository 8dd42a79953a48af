/** sandboxship: a carrier of our own, to develop against. It knows nothing of the shop. */
import { type CommandContext, implement } from "@isomer/kernel/runtime";
import type { Crypto } from "@isomer/kernel/security";
import { PAGE_LIMIT, decodeCursor, pageFrom } from "../shared/mod.ts";
import { BadApiKey, type Label, NoParcel, sandboxship } from "./contract.ts";
import { deliver } from "./deliver.ts";
import { cancelLabel, createLabel, handOver, moveOn, toEntry, toLabel } from "./parcels.ts";
import { Settings } from "./settings.ts";
import { type Tables, dueParcels, entriesTracked, findEntries, parcelTracked } from "./store.ts";

/** Parcels that one transaction moves. */
const BATCH = 50;

type Ctx = CommandContext<Tables, string, Settings>;
type Tx = Parameters<Parameters<Ctx["transaction"]>[0]>[0];

/** Checks the key, then does something in one transaction. */
function withKey(apiKey: string | undefined, ctx: Ctx, body: (tx: Tx) => Promise<Label>): Promise<Label> {
  checkKey(apiKey, ctx);
  return ctx.transaction(body);
}

/** Looks at every key for the same time, so that the time does not tell how much of one was guessed. */
function checkKey(
  apiKey: string | undefined,
  { settings, crypto }: { readonly settings: Settings; readonly crypto: Crypto },
): void {
  const given = crypto.sha256(apiKey ?? "");
  let isKnown = false;
  for (const key of settings.apiKeys) {
    if (crypto.timingSafeEqual(given, crypto.sha256(key))) isKnown = true;
  }
  if (apiKey === undefined || !isKnown) throw BadApiKey.with({});
}

export default implement<Tables>()(sandboxship, {
  database: { migrations: new URL("./migrations/", import.meta.url) },
  settings: Settings,
  commands: {
    createLabel: ({ apiKey, ...request }, ctx) => withKey(apiKey, ctx, (tx) => createLabel(tx, request, ctx)),
    cancelLabel: ({ apiKey, reference }, ctx) => withKey(apiKey, ctx, (tx) => cancelLabel(tx, reference, ctx)),
    handOver: ({ apiKey, reference }, ctx) => withKey(apiKey, ctx, (tx) => handOver(tx, reference, ctx)),
  },
  queries: {
    tracking: ({ apiKey, trackingNumber }, ctx) =>
      ctx.read(async (db) => {
        checkKey(apiKey, ctx);
        const parcel = await db.first(parcelTracked, { trackingNumber });
        if (parcel === undefined) throw NoParcel.with({ what: trackingNumber });
        const history = (await db.all(entriesTracked, { trackingNumber })).map(toEntry);
        return { ...toLabel(parcel), history };
      }),
    ledger: ({ apiKey, reference, cursor, limit = PAGE_LIMIT }, ctx) =>
      ctx.read(async (db) => {
        checkKey(apiKey, ctx);
        const after = cursor === undefined ? 0 : decodeCursor(cursor, ["number"])[0];
        const page = pageFrom(await findEntries(db, { reference, after, limit: limit + 1 }), limit, (row) => [
          row.position,
        ]);
        const items = page.items.map((row) => ({
          position: row.position,
          reference: row.reference,
          ...(row.tracking_number === null ? {} : { trackingNumber: row.tracking_number }),
          ...toEntry(row),
        }));
        return { ...page, items };
      }),
  },
  jobs: [
    { name: "deliverWebhooks", everyMs: 200, deadlineMs: 60_000, run: deliver },
    {
      name: "moveParcels",
      everyMs: 500,
      run: async (ctx) => {
        const due = await ctx.read((db) => db.all(dueParcels, { now: ctx.now(), limit: 1 }));
        return due.length > 0 && ctx.transaction((tx) => moveOn(tx, BATCH, ctx));
      },
    },
  ],
});
