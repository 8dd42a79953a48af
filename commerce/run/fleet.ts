/** The shop as a fleet: whose secrets are whose, and what a gateway fills the empty databases with. */
import { type FleetApp, type ServiceSecrets, type SettingsSource, defineFleet } from "@isomer/kernel/node/fleet-host";
import type { Settings } from "@isomer/kernel/runtime";
import { shop } from "../system.ts";
import { seedDemo } from "./demo.ts";
import { judgesOf } from "./judges.ts";
import { type Secrets, loadSecrets } from "./secrets.ts";
import { settingsOf } from "./settings.ts";
import { version } from "./shop.ts";

/** Which services know which secrets: each its own, and the parties that check them. */
const KNOWN_TO = {
  payments: ["paymentsApiKey", "paymentsWebhookSecret"],
  sandboxpay: ["paymentsApiKey", "paymentsWebhookSecret"],
  shipping: ["carrierApiKey", "carrierWebhookSecret"],
  sandboxship: ["carrierApiKey", "carrierWebhookSecret"],
} as const satisfies Readonly<Record<string, readonly (keyof Secrets)[]>>;

/** What may be different from the shop as it is run: for tests. */
export interface ShopFleetOptions {
  /** Settings by service that take the place of the usual ones. */
  readonly overrides?: Settings;
  /** Whether it starts without the demo's catalogue and users. */
  readonly empty?: boolean;
  /** Whether anybody on this machine may read the mailbox page. */
  readonly openMailbox?: boolean;
}

/** The shop as a fleet. */
export function shopFleet({ overrides = {}, empty = false, openMailbox = true }: ShopFleetOptions = {}): FleetApp {
  return defineFleet({
    system: shop,
    version,
    secrets: (folder) => shared(loadSecrets(folder)),
    settings: ({ url, secrets }: SettingsSource) => settingsOf(url, joined(secrets), { overrides, openMailbox }),
    judges: judgesOf,
    async prepare(host, folder) {
      if (!empty) await seedDemo(host, loadSecrets(folder).demoPassword);
    },
  });
}

function shared(secrets: Secrets): ServiceSecrets {
  return Object.fromEntries(
    Object.entries(KNOWN_TO).map(([service, names]) => [
      service,
      Object.fromEntries(names.map((name) => [name, secrets[name]])),
    ]),
  );
}

/** Of what a process is not told, the services in it need nothing. */
function joined(secrets: ServiceSecrets): Secrets {
  const none: Secrets = {
    ...{ paymentsApiKey: "", paymentsWebhookSecret: "", carrierApiKey: "", carrierWebhookSecret: "", demoPassword: "" },
  };
  return Object.assign({}, none, ...Object.values(secrets)) as Secrets;
}
