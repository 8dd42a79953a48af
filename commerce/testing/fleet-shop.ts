/** The shop as a fleet, for journeys: what they ask for, of a {@link FleetProcess}. */
import { loadSecrets } from "../run/secrets.ts";
import { CheckedClient } from "./checked-client.ts";
import { FleetProcess, type PlacementName } from "./fleet-process.ts";
import { type OpenShopOptions, QUICK, type Shop, doors, merged } from "./open-shop.ts";

/** Opens a shop on a fleet, placed as `SHOP_PLACEMENT` says: `apart`, `grouped` (unless said), `together`. */
export async function fleetShop({ overrides = {} }: Pick<OpenShopOptions, "overrides">): Promise<Shop> {
  const placement = (process.env["SHOP_PLACEMENT"] ?? "grouped") as PlacementName;
  const fleet = await FleetProcess.start({ placement, overrides: merged(QUICK, overrides) });
  const client = new CheckedClient(fleet.url);
  const { demoPassword, paymentsApiKey } = loadSecrets(fleet.folder);
  return {
    password: demoPassword,
    paymentsApiKey,
    client,
    get complaints() {
      return fleet.complaints().map(({ message, fields }) => ({ message, fields: { ...fields } }));
    },
    ...doors(client, demoPassword),
    rest: () => fleet.settle(),
    async deadLetters() {
      const data = await fleet.data();
      try {
        return data.services.flatMap((service) =>
          data
            .rows<{ consumer: string }>(service, "SELECT consumer FROM isomer_dead")
            .map(({ consumer }) => `${service}: ${consumer}`),
        );
      } finally {
        data[Symbol.dispose]();
      }
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await fleet.stop();
    },
  };
}
