/** The shop in simulation: the same services, a crowd of buyers, and the shop's invariants. */
import { always, deadLetters, eventually, forkedRandom, simulation } from "@isomer/kernel/sim";
import type { Actor, SimState, Simulation } from "@isomer/kernel/sim";
import type { Host } from "@isomer/kernel/runtime";
import { pricing } from "../../pricing/contract.ts";
import { SYSTEM, seedDemo } from "../../run/demo.ts";
import { judgesOf } from "../../run/judges.ts";
import { settingsOf } from "../../run/settings.ts";
import { shop } from "../../system.ts";
import type { Wish } from "../chaos/shopper.ts";
import { seedStock, wishesFor } from "../chaos/wishes.ts";
import { ShopData, type Violation, checkNow, checkShop, listenersOf, underWay } from "../invariants/mod.ts";
import { brokenPromises } from "./promises.ts";
import { REPLICAS_EVERY } from "./replicas-every.ts";
import { type ShopReport, shopper } from "./shopper.ts";
import { clerk, warehouse } from "./staff.ts";

const LISTENERS = listenersOf(shop);

/** Not secret: they are for parties that exist only in the simulation. */
export const SECRETS = {
  demoPassword: "simulated-password-1",
  paymentsApiKey: "sim-payments-api-key-0123456789",
  paymentsWebhookSecret: "sim-payments-webhook-secret-0123456789",
  carrierApiKey: "sim-carrier-api-key-0123456789",
  carrierWebhookSecret: "sim-carrier-webhook-secret-0123456789",
};

/** Settings that make hours of a shop's life pass in seconds. */
const QUICK = {
  sandboxpay: { shortDelayMs: 100, longDelayMs: 7_000, darkMs: 500, webhookCopies: 2 },
  sandboxship: { stepMs: 50 },
  shipping: { autoShip: true, autoShipAfterMs: 300 },
  checkout: { actionTimeoutMs: 5_000, unknownTimeoutMs: 5_000 },
  payments: { providerTimeoutMs: 2_000, calledOffLookMs: 250 },
};

/** The variant of which there is least. */
const SCARCE_SKU = scarcest();
/** A coupon of which two uses are left. */
const RARE_COUPON = "LASTTWO";

/** Buyers in a run. */
const BUYERS = 8;

/** The simulation of the shop. */
export const shopSimulation: Simulation = simulation({
  name: "shop",
  system: shop,
  settings: (url) => settingsOf(url, SECRETS, { overrides: QUICK }),
  judges: judgesOf,
  prepare,
  actors: ({ seed }) => crowd(seed),
  properties: [
    always("the books are right at every moment", async (state) => told(await checkNow(dataOf(state)))),
    eventually("all invariants of the shop", async (state) =>
      told(await checkShop(dataOf(state), { listeners: LISTENERS, ...claims(state) })),
    ),
    eventually("people were told the truth", (state) => brokenPromises(dataOf(state), state)),
    eventually("no event is given up", (state) =>
      [...deadLetters(state)].filter(([, n]) => n > 0).map(([service, n]) => `${service} gave ${n} events up`),
    ),
  ],
  replicasEvery: REPLICAS_EVERY,
  // Until parcels leave and orders are called off: these are attacked, too.
  faultsMs: 8_000,
  // That events are heard is the kernel's business, which is looked at anyway.
  underWay: (state) => underWay(dataOf(state), []),
});

function scarcest(): string {
  const known = [...seedStock()].filter(([, quantity]) => quantity > 0).toSorted(([, a], [, b]) => a - b);
  return known[0]?.[0] ?? "";
}

async function prepare(host: Host): Promise<void> {
  await seedDemo(host, SECRETS.demoPassword);
  const { service, operation, input } = pricing.putCoupon({ code: RARE_COUPON, promotionId: "welcome", limit: 2 });
  await host.invoke({ service, operation, input, identity: SYSTEM, key: "rare-coupon" });
}

/** Buyers with all their habits; in half of the runs most of them want the same scarce piece, or the same rare coupon. */
function crowd(seed: number): readonly Actor[] {
  const random = forkedRandom(seed, "wishes");
  const chance = (share: number): boolean => random.next() < share;
  const wishes = wishesFor(BUYERS, () => random.next());
  const isRush = chance(0.5);
  const buyers = wishes.map((wish, n) => {
    const twice = chance(0.1);
    const rushes: Partial<Wish> = {
      ...(isRush && chance(0.5) ? { lines: [{ sku: SCARCE_SKU, quantity: 1 }] } : {}),
      ...(isRush && chance(0.4) ? { coupon: RARE_COUPON } : {}),
      ...(twice ? { coupon: "WELCOME10" } : {}),
      ...(chance(0.15) ? { paymentToken: "tok_3ds" } : {}),
    };
    const habits = { twice, insists: chance(0.5), careless: chance(0.1), regrets: chance(0.25) };
    // Who regrets has a coupon to get back, too.
    const regretted = habits.regrets && rushes.coupon === undefined ? { coupon: "WELCOME10" } : {};
    return shopper({ ...wish, ...rushes, ...regretted, ...habits, name: `s${n}` });
  });
  return [...buyers, clerk, warehouse(SCARCE_SKU)];
}

function dataOf({ databases }: SimState): ShopData {
  return new ShopData(databases);
}

function told(violations: readonly Violation[]): string[] {
  return violations.map(({ invariant, what, subject }) => `invariant ${invariant}: ${subject}: ${what}`);
}

function claims({ reports }: SimState): { readonly acknowledged: string[]; readonly refused: string[] } {
  const all = reports as readonly ShopReport[];
  return {
    acknowledged: all.flatMap(({ placed }) => placed ?? []),
    refused: all.flatMap(({ refused }) => refused ?? []),
  };
}
