/**
 * The shop as a process of its own, that a test may kill. `node child.ts <options as JSON>`; tells its parent when it is
 * open and when it is seeded. Ends when the parent does, whatever way.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { jsonLogger } from "@isomer/kernel/node";
import type { Settings } from "@isomer/kernel/runtime";
import type { Database } from "@isomer/kernel/store";
import { seedDemo } from "../../run/demo.ts";
import { startShop } from "../../run/shop.ts";

/** What the shop is told by the test. */
export interface ChildOptions {
  readonly dataFolder: string;
  readonly port: number;
  readonly overrides?: Settings;
}

/** What the child may be told while it runs. */
export type ChildOrder =
  | { readonly order: "stop" }
  /** The process ends itself when a transaction with this label is durable, before anybody is told. */
  | { readonly order: "dieAfter"; readonly label: string };

/** What the child tells. */
export interface ChildNews {
  readonly news: "open" | "armed" | "stopped";
}

const tell = (news: ChildNews["news"]): void => void process.send?.({ news } satisfies ChildNews);

async function main(): Promise<void> {
  const { dataFolder, port, overrides } = JSON.parse(process.argv[2] ?? "{}") as ChildOptions;
  process.on("disconnect", () => process.exit(1));
  const running = await startShop({
    dataFolder,
    port,
    log: jsonLogger({ level: "warn", write: (line) => appendFileSync(join(dataFolder, "shop.log"), line) }),
    ...(overrides === undefined ? {} : { overrides }),
    run: { rates: { perAddress: 0, perIdentity: 0 }, serveMetrics: true, sampleRate: 0 },
  });
  await seedDemo(running.host, running.demoPassword);
  const mortal = { after: "" };
  watch(running.host.databases(), mortal);
  process.on("message", (message) => {
    const order = message as ChildOrder;
    if (order.order === "dieAfter") {
      mortal.after = order.label;
      return tell("armed");
    }
    void running.stop().then(() => {
      tell("stopped");
      process.disconnect();
    });
  });
  tell("open");
}

/** Ends the process at the worst moment: the effect is durable, and nobody knows. */
function watch(databases: ReadonlyMap<string, Database>, mortal: { readonly after: string }): void {
  for (const [service, database] of databases) {
    const write = database.write.bind(database);
    database.write = async (options, body) => {
      const result = await write(options, body);
      const label = options.label.startsWith(`${service}.`) ? options.label : `${service}.${options.label}`;
      if (label === mortal.after) process.kill(process.pid, "SIGKILL");
      return result;
    };
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
