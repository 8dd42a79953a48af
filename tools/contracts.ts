/** `npm run contracts`: writes the shop's contracts as snapshots, which the next version is compared with, and as .proto. */
import { fileURLToPath } from "node:url";
import { writeProtos, writeSnapshots } from "../kernel/src/node/mod.ts";
import { systemSnapshots } from "../kernel/src/runtime/mod.ts";
import { shop } from "../commerce/system.ts";

const snapshots = systemSnapshots(shop);
const folder = (path: string): string => fileURLToPath(new URL(`../commerce/contracts/${path}`, import.meta.url));
writeSnapshots(folder(""), snapshots);
writeProtos(folder("proto"), snapshots);
process.stdout.write(`Wrote ${snapshots.length} snapshots to commerce/contracts/.\n`);
