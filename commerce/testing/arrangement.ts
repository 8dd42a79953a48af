/**
 * In which arrangement the journeys are made: `SHOP_ARRANGEMENT=process` (unless said), `simulation` or `fleet`. One
 * test file says what the shop promises; it must be the same in all of them.
 */
import { fleetShop } from "./fleet-shop.ts";
import { simulatedShop } from "./simulated-shop.ts";
import { type OpenShopOptions, type Shop, openShop } from "./open-shop.ts";

/** The arrangements that tests know. */
export const ARRANGEMENTS = ["process", "simulation", "fleet"] as const;
/** One of them. */
export type Arrangement = (typeof ARRANGEMENTS)[number];

/** The arrangement that the environment names; undefined when it names none. @throws when there is none of that name. */
export function namedArrangement(): Arrangement | undefined {
  const name = process.env["SHOP_ARRANGEMENT"];
  if (name === undefined) return undefined;
  const found = ARRANGEMENTS.find((one) => one === name);
  if (found === undefined) throw new Error(`SHOP_ARRANGEMENT is one of ${ARRANGEMENTS.join(", ")}, not "${name}".`);
  return found;
}

/** Opens a shop in the arrangement that the environment names. */
export function openArranged(options: Pick<OpenShopOptions, "overrides"> = {}): Promise<Shop> {
  const arrangement = namedArrangement() ?? "process";
  switch (arrangement) {
    case "process":
      return openShop(options);
    case "simulation":
      return simulatedShop(options);
    case "fleet":
      return fleetShop(options);
  }
}
