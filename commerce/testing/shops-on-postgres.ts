/** Lets the shops of a test file keep what they know in PostgreSQL. */
import { testCluster, withoutPostgres } from "@isomer/kernel/node/postgres/testing";
import type { Database } from "@isomer/kernel/store";
import { shop as system } from "../system.ts";
import { copyShopData } from "./invariants/mod.ts";
import { type ShopStore, keepShopsIn } from "./open-shop.ts";

export { withoutPostgres };

const SERVICES = system.services.map(({ contract }) => contract.name);

/**
 * From here on each shop of this process gets databases of its own, in a cluster of the file's own. Returns what stops the
 * cluster: for after the shops are closed.
 */
export function keepShopsInPostgres(): () => Promise<void> {
  let stop = async (): Promise<void> => {};
  const cluster = testCluster({ atEnd: (stopCluster) => (stop = stopCluster) });
  keepShopsIn(async (): Promise<ShopStore> => {
    const databases = await cluster.databases(SERVICES);
    // Beside the shop's own connections: checks must not wait for the shop, nor it for them.
    const beside = databases.replica({ connectionsMax: 1 });
    const opened = new Map<string, Database>();
    return {
      storage: databases.storage,
      async data() {
        for (const service of SERVICES) {
          if (!opened.has(service)) opened.set(service, await beside.open(service));
        }
        return copyShopData(opened);
      },
      async drop() {
        for (const database of opened.values()) await database.close();
        await databases.drop();
      },
    };
  });
  return stop;
}
