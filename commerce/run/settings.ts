/** The settings of the shop's services in one process: the embedded provider and carrier are reached over HTTP. */
import type { Settings } from "@isomer/kernel/runtime";
import type { Secrets } from "./secrets.ts";

/** What may be set from outside. */
export interface ShopOptions {
  /** Whether anybody on this machine may read the mailbox page. For demos. */
  readonly openMailbox?: boolean;
  /** Overrides, for tests: by service. */
  readonly overrides?: Settings;
}

/** The audience and the issuer of the shop's access tokens. */
export const TOKENS = { issuer: "isomer-shop", audience: "isomer" } as const;

/** The settings, given where the gateway is reached. */
export function settingsOf(url: string, secrets: Secrets, options: ShopOptions = {}): Settings {
  const settings: Settings = {
    auth: { ...TOKENS },
    payments: {
      providerUrl: url,
      apiKey: secrets.paymentsApiKey,
      webhookSecrets: [secrets.paymentsWebhookSecret],
    },
    sandboxpay: {
      publicUrl: url,
      apiKeys: [secrets.paymentsApiKey],
      webhookUrl: `${url}/v1/webhooks/payments`,
      webhookSecret: secrets.paymentsWebhookSecret,
    },
    shipping: {
      carrierUrl: url,
      apiKey: secrets.carrierApiKey,
      webhookSecrets: [secrets.carrierWebhookSecret],
      // Nobody packs parcels in a demo; the warehouse may still be faster.
      autoShip: true,
    },
    sandboxship: {
      apiKeys: [secrets.carrierApiKey],
      webhookUrl: `${url}/v1/webhooks/carrier`,
      webhookSecret: secrets.carrierWebhookSecret,
    },
    notifications: {
      shopUrl: url,
      openMailbox: options.openMailbox ?? false,
    },
  };
  const names = new Set([...Object.keys(settings), ...Object.keys(options.overrides ?? {})]);
  return Object.fromEntries([...names].map((name) => [name, { ...settings[name], ...options.overrides?.[name] }]));
}
