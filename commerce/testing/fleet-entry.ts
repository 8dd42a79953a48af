/** The entry of fleets that tests start: the shop with settings of the test's own. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "@isomer/kernel/cli";
import type { Settings } from "@isomer/kernel/runtime";

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => {
    const { shopFleet } = await import("../run/fleet.ts");
    const overrides = JSON.parse(process.env["SHOP_OVERRIDES"] ?? "{}") as Settings;
    const life = Number(process.env["SHOP_CERTIFICATE_LIFE_MS"] ?? 0);
    return {
      ...shopFleet({ overrides }),
      rates: { perAddress: 0, perIdentity: Number(process.env["SHOP_RATE_PER_IDENTITY"] ?? 0) },
      ...(life === 0 ? {} : { certificateLifeMs: life }),
      ...(process.env["SHOP_POSTGRES_COPY"] === "1" ? { postgresCopy: true } : {}),
      ...(process.env["SHOP_NATS_SERVERS"] === "3" ? { natsServers: 3 as const } : {}),
    };
  },
  arguments: process.argv.slice(2),
});
