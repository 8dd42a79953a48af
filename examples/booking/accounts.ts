/** Accounts: a ledger of entries that are only added. A balance is their sum. */
import { type Tx, implement, subscribe } from "@isomer/kernel/runtime";
import { statements } from "@isomer/kernel/store";
import { accounts, bookings } from "./contracts.ts";

/** What a seat costs. */
export const PRICE = 100;

const migrations = [
  {
    name: "0001_accounts",
    sql: `CREATE TABLE entry (about TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, amount BIGINT NOT NULL,
            PRIMARY KEY (about, kind));
          CREATE INDEX entry_account ON entry (account)`,
  },
];

export interface Tables {
  entry: { about: string; kind: "deposit" | "charge" | "refund"; account: string; amount: number };
}
type Payment = { booking: string; account: string };

const sql = statements<Tables>();
const enter = sql((db, p: Tables["entry"]) =>
  db
    .insertInto("entry")
    .values(p)
    .onConflict((on) => on.doNothing()),
);
const entryOf = sql((db, p: { about: string; kind: "charge" | "refund" }) =>
  db.selectFrom("entry").selectAll().where("about", "=", p.about).where("kind", "=", p.kind),
);
const balanceOf = sql((db, p: { account: string }) =>
  db
    .selectFrom("entry")
    .select((eb) => eb.fn.sum<number>("amount").as("balance"))
    .where("account", "=", p.account),
);

/** Also for a booking that was not charged (yet): a charge that is still on its way comes too late then. */
async function refund(tx: Tx<Tables>, { booking: about, account }: Payment) {
  const charged = await tx.first(entryOf, { about, kind: "charge" });
  await tx.run(enter, { about, kind: "refund", account, amount: charged === undefined ? 0 : PRICE });
  return {};
}

export const accountsService = implement<Tables>()(accounts, {
  database: { migrations },
  commands: {
    deposit: ({ account, amount }, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.run(enter, { about: ctx.ids.next(), kind: "deposit", account, amount });
        return { balance: (await tx.first(balanceOf, { account }))?.balance ?? 0 };
      }),
    charge: ({ booking: about, account }, ctx) =>
      ctx.transaction(async (tx) => {
        const isLate = (await tx.first(entryOf, { about, kind: "refund" })) !== undefined;
        const { balance } = (await tx.first(balanceOf, { account })) ?? { balance: 0 };
        const ok = !isLate && balance >= PRICE;
        if (ok) await tx.run(enter, { about, kind: "charge", account, amount: -PRICE });
        return { ok };
      }),
    refund: (payment, ctx) => ctx.transaction((tx) => refund(tx, payment)),
  },
  queries: {},
  on: [subscribe<Tables>()(bookings.events.cancelled, async ({ data }, tx) => void (await refund(tx, data)))],
});
