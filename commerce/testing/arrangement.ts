/**
 * In which arrangement the journeys are made: `SHOP_ARRANGEMENT=process` (unless said), `simulation` or `fleet`. One
 * test file says what the shop promises; it must be the same in all of them.
 */
import { fleetShop } from "./fleet-shop.ts";
import { simulatedShop } from "./simulated-shop.ts";
import { type OpenShopOptions, type Shop, openShop } from "./open-shop.ts";

/** The arrangements that journeys know. */
export const ARRANGEMENTS = ["process", "simulation", "fleet"] as const;

/** Opens a shop in the arrangement that the environment names. */
export function openArranged(options: Pick<OpenShopOptions, "overrides"> = {}): Promise<Shop> {
  const arrangement = process.env["SHOP_ARRANGEMENT"] ?? "process";
  switch (arrangement) {
    case "process":
      return openShop(options);
    case "simulation":
      return simulatedShop(options);
    case "fleet":
      return fleetShop(options);
    default:
      throw new Error(`SHOP_ARRANGEMENT is one of ${ARRANGEMENTS.join(", ")}, not "${arrangement}".`);
  }
}
