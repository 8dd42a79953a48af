/** The shop in simulation: the same services, a crowd of buyers, and the shop's invariants. */
import { always, deadLetters, eventually, forkedRandom, simulation } from "@isomer/kernel/sim";
import type { SimState, Simulation } from "@isomer/kernel/sim";
import { seedDemo } from "../../run/demo.ts";
import { judgesOf } from "../../run/judges.ts";
import { settingsOf } from "../../run/settings.ts";
import { shop } from "../../system.ts";
import { wishesFor } from "../chaos/wishes.ts";
import { ShopData, type Violation, checkNow, checkShop, listenersOf, underWay } from "../invariants/mod.ts";
import { type ShopReport, shopper } from "./shopper.ts";

const LISTENERS = listenersOf(shop);

/** Not secret: they are for parties that exist only in the simulation. */
const SECRETS = {
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

/** Buyers in a run. */
const BUYERS = 8;

/** The simulation of the shop. */
export const shopSimulation: Simulation = simulation({
  name: "shop",
  system: shop,
  settings: (url) => settingsOf(url, SECRETS, { overrides: QUICK }),
  judges: judgesOf,
  prepare: async (host) => void (await seedDemo(host, SECRETS.demoPassword)),
  actors({ seed }) {
    const random = forkedRandom(seed, "wishes");
    return wishesFor(BUYERS, () => random.next()).map((wish, n) => shopper({ ...wish, name: `s${n}` }));
  },
  properties: [
    always("the books are right at every moment", async (state) => told(await checkNow(dataOf(state)))),
    eventually("all invariants of the shop", async (state) =>
      told(await checkShop(dataOf(state), { listeners: LISTENERS, ...claims(state) })),
    ),
    eventually("no event is given up", (state) =>
      [...deadLetters(state)].filter(([, n]) => n > 0).map(([service, n]) => `${service} gave ${n} events up`),
    ),
  ],
  // That events are heard is the kernel's business, which is looked at anyway.
  underWay: (state) => underWay(dataOf(state), []),
});

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
