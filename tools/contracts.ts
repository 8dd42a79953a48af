/** `npm run contracts`: writes the snapshots of the shop's contracts, which the next version is compared with. */
import { fileURLToPath } from "node:url";
import { writeSnapshots } from "../kernel/src/node/mod.ts";
import { systemSnapshots } from "../kernel/src/runtime/mod.ts";
import { shop } from "../commerce/system.ts";

const snapshots = systemSnapshots(shop);
writeSnapshots(fileURLToPath(new URL("../commerce/contracts/", import.meta.url)), snapshots);
process.stdout.write(`Wrote ${snapshots.length} snapshots to commerce/contracts/.\n`);
