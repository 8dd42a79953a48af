/** What `npm start` does: reads its flags, starts the shop, fills it if it is empty, and says where it is. */
import { parseArgs } from "node:util";
import { prettyLogger } from "@isomer/kernel/node";
import { isFault } from "@isomer/kernel/std";
import { banner } from "./banner.ts";
import { databasesOf } from "./databases.ts";
import { seedDemo } from "./demo.ts";
import { BadSetting } from "./faults.ts";
import { DEMO_PASSWORD } from "./secrets.ts";
import { isReachable, startShop, version } from "./shop.ts";

const HELP = `Runs the Isomer shop in one process.

  npm start -- [options]

  --port <number>   the port to listen on (default 3000, or $PORT)
  --host <address>  the address to listen on (default 127.0.0.1)
  --trust-proxy <address>
                    a proxy in front, whose X-Forwarded-For is believed (may be repeated)
  --data <folder>   where the databases are (default ./data)
  --empty           start without the demo catalogue and users
  --verbose         log what happens
  --version         print the version
  --help            print this

DATABASE_URL keeps everything in PostgreSQL instead of the data folder: postgres://admin:…@host:5432/postgres.
SMTP_URL sends mails by SMTP instead of keeping them in the mailbox page.
OTEL_EXPORTER_OTLP_ENDPOINT sends traces, metrics and logs to a collector.`;

const EXPOSED = `  Other machines can reach this shop, and its demo users, an admin among them, have a password that everybody knows:
  they were made when only this machine could. Start on another --data folder, or with --empty on a new one.
`;

/** Runs the shop until a signal. Ends the process when it cannot start. */
export async function main(): Promise<void> {
  try {
    await start();
  } catch (error) {
    // A fault says what to do; anything else is a bug, and its stack is the best that there is to say.
    if (isFault(error) || (error instanceof Error && "code" in error)) console.error(error.message);
    else console.error(error);
    process.exit(1);
  }
}

async function start(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      host: { type: "string" },
      "trust-proxy": { type: "string", multiple: true },
      data: { type: "string" },
      empty: { type: "boolean" },
      verbose: { type: "boolean" },
      version: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.version) return console.log(version);
  const port = Number(values.port ?? process.env["PORT"] ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw BadSetting.with({ detail: "--port (or $PORT) takes a number from 0 to 65535." });
  const log = prettyLogger({ level: values.verbose ? "debug" : "warn" });
  const { SMTP_URL: smtpUrl } = process.env;
  const proxies = values["trust-proxy"];
  const dataFolder = values.data ?? "data";
  const storage = await databasesOf(dataFolder);
  const running = await startShop({
    dataFolder,
    port,
    log,
    // Mails hold what lets one into accounts: only this machine may read them without signing in.
    openMailbox: smtpUrl === undefined && !isReachable(values.host),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(smtpUrl === undefined ? {} : { smtpUrl }),
    run: {
      serveMetrics: true,
      ...(proxies === undefined ? {} : { trustProxies: proxies }),
      ...(storage === undefined ? {} : { storage }),
    },
  });
  stopOnSignals(running.stop);
  if (!values.empty) await seedDemo(running.host, running.demoPassword);
  console.log(banner(running.url, { password: running.demoPassword, empty: values.empty === true }));
  if (isReachable(values.host) && running.demoPassword === DEMO_PASSWORD) console.warn(EXPOSED);
}

/** The first signal drains; a second one ends at once, which is safe too: the databases are made for it. */
function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    console.log("\nStopping: finishing what is under way. Press Ctrl-C again to end at once.");
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
