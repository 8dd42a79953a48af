/** Whoever joins a cluster as a server is above all accounts and users: nobody does who does not know its secret. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts, startNatsCluster } from "../engines/mod.ts";
import { SKIP, tempFolder, until } from "./testing/setup.ts";

const folder = tempFolder();

test("a server that does not know the secret does not join a cluster", { skip: SKIP }, async (context) => {
  const cluster = await startNatsCluster({ folder });
  context.after(() => cluster.stop());
  const configuration = readFileSync(join(folder, "nats-1", "nats.conf"), "utf8");
  const [, address] = /@(127\.0\.0\.1:\d+)/.exec(configuration) ?? [];
  const rogue = join(folder, "rogue");
  mkdirSync(rogue);
  const first = await freePorts(2);
  const log = join(rogue, "log");
  const lines = [
    `listen: 127.0.0.1:${first}`,
    "server_name: rogue",
    `cluster { name: isomer, listen: "127.0.0.1:${first + 1}", routes: ["nats://${address}"] }`,
    "accounts: { STREAMS: { users: [{ user: evil, password: evil }] } }",
    `log_file: "${log}"`,
  ];
  writeFileSync(join(rogue, "nats.conf"), lines.join("\n"));
  const server = spawn("nats-server", ["-c", join(rogue, "nats.conf")], { stdio: "ignore" });
  context.after(() => server.kill("SIGKILL"));
  await until(() => said(log).includes("Authorization Violation"));
});

function said(log: string): string {
  try {
    return readFileSync(log, "utf8");
  } catch {
    return "";
  }
}
