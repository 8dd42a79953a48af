/** The shop with gift wrapping: what runs as a fleet, and how the program in Python is started. */
import { type FleetApp, defineFleet } from "@isomer/kernel/node/fleet-host";
import { defineSystem, external } from "@isomer/kernel/runtime";
import { catalog } from "../../commerce/catalog/contract.ts";
import { shopFleet } from "../../commerce/run/fleet.ts";
import { shop } from "../../commerce/system.ts";
import { giftwrap } from "./contracts.ts";
import { deskService } from "./system.ts";

/** The shop, the desk, and gift wrapping by others. */
export function giftFleet(): FleetApp {
  return defineFleet({
    ...shopFleet(),
    system: defineSystem({
      name: "Gift shop",
      services: [...shop.services, deskService],
      externals: [external(giftwrap, { uses: [catalog] })],
      roles: shop.roles,
    }),
    programs: { giftwrap: { command: ["python3", "giftwrap.py"], folder: new URL(".", import.meta.url) } },
    protos: new URL("../../commerce/contracts/proto/", import.meta.url),
  });
}
