/**
 * The shop as a child process of a benchmark: durable, with its jobs, its sandbox provider and its mails, as `npm start`
 * runs it; without rate limits, because one machine plays all shoppers. `node child.ts <data folder>`.
 * Answers each "usage" with what it has used, and "stop" by draining.
 */
import { prettyLogger } from "@isomer/kernel/node";
import { seedDemo } from "@isomer/commerce/run/demo.ts";
import { startShop } from "@isomer/commerce/run/shop.ts";
import { type Usage, usageNow } from "./usage.ts";

const [dataFolder = ""] = process.argv.slice(2);
const running = await startShop({
  dataFolder,
  port: 0,
  log: prettyLogger({ level: "warn" }),
  // Parcels leave when the warehouse packs them, which no shopper waits for.
  overrides: { shipping: { autoShip: false } },
  run: { rates: { perAddress: 0, perIdentity: 0 } },
});
await seedDemo(running.host, running.demoPassword);

function usage(): Usage {
  const stores: Record<string, { transactions: number; commits: number }> = {};
  for (const [name, database] of running.host.databases()) {
    const { transactions, commits } = database.stats();
    stores[name] = { transactions, commits };
  }
  return { ...usageNow(), stores };
}

process.on("disconnect", () => process.exit(1));
process.on("message", (message) => {
  if (message === "usage") process.send?.(usage());
  else if (message === "settle") void running.host.idle().then(() => process.send?.(usage()));
  else if (message === "stop") void running.stop().then(() => process.disconnect());
});
process.send?.({ url: running.url, password: running.demoPassword });
