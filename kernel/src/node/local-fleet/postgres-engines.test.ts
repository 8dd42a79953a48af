/** PostgreSQL of a local fleet with a copy: processes read from it what may be old, and need it for nothing. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { defineSystem } from "../../runtime/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import type { Database } from "../../store/mod.ts";
import { systemClock } from "../clock.ts";
import type { FleetFile, InstanceFile } from "../fleet/mod.ts";
import { databasesOf } from "../fleet-host/connections.ts";
import { withoutPostgres } from "../postgres/testing/mod.ts";
import { systemRandom } from "../random.ts";
import { passwordsOf } from "./passwords.ts";
import { portsOf } from "./ports.ts";
import { postgresEngines } from "./postgres-engines.ts";

const clock = systemClock();
const TABLE = { owner: "test", migrations: [{ name: "0001_t", sql: "CREATE TABLE t (id BIGINT PRIMARY KEY)" }] };
const LONG_MS = 60_000;

async function servers(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "isomer-postgres-engines-"));
  chmodSync(folder, 0o711);
  const passwordOf = passwordsOf(join(folder, "passwords"));
  const ports = await portsOf(folder, { postgresCopy: true });
  const [primary, copy] = postgresEngines({ folder, ports, services: ["orders", "cart"], passwordOf });
  assert.ok(primary !== undefined && copy !== undefined && ports.postgresCopy !== undefined);
  context.after(async () => {
    for (const engine of [copy, primary]) await engine.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const fleet = { engines: { postgres: at(ports.postgres), postgresCopy: at(ports.postgresCopy) } } as FleetFile;
  const login = (user: string) => ({ user, password: passwordOf(user) });
  const orders = {
    ...login("isomer_orders"),
    database: "isomer_orders",
    migration: login("isomer_orders_owner"),
  };
  const instance = { instance: "orders-1", credentials: { postgres: { orders } } } as unknown as InstanceFile;
  const system = defineSystem({ name: "shop", roles: {}, services: [] });
  const given = { clock, random: systemRandom(), log: silentLogger, metrics: new Metrics() };
  const storage = databasesOf({ system, fleet, instance, ...given });
  return { primary, copy, storage, copyPort: ports.postgresCopy, orders };
}

/** Who answers a query that may be answered from an old state, and how many rows there are. */
function look(database: Database): Promise<{ from: "copy" | "primary"; rows: number }> {
  const options = { label: "look", deadlineAt: clock.monotonicMs() + 3_000, staleMaxMs: LONG_MS };
  return database.read(options, async (connection) => {
    const [row] = await connection.all<{ copied: number }>("SELECT pg_is_in_recovery() AS copied");
    const [count] = await connection.all<{ rows: number }>("SELECT count(*) AS rows FROM t");
    return { from: row?.copied === 1 ? "copy" : "primary", rows: Number(count?.rows) };
  });
}

async function untilCopied(database: Database, rows: number): Promise<void> {
  for (;;) {
    const seen = await look(database);
    if (seen.from === "copy" && seen.rows === rows) return;
    await pause(20);
  }
}

test(
  "a process reads from the copy what may be old, also after the copy was killed",
  { skip: withoutPostgres },
  async (context) => {
    const { primary, copy, storage, copyPort, orders } = await servers(context);
    // A supervisor starts all servers at the same time.
    await Promise.all([copy.start(), primary.start()]);
    const database = await storage.open("orders");
    context.after(() => database.close());
    await database.migrate([TABLE]);
    const insert = (id: number) =>
      database.write({ label: "insert" }, (connection) => connection.run("INSERT INTO t (id) VALUES (?)", [id]));
    await insert(1);
    await untilCopied(database, 1);

    copy.kill();
    while (copy.isRunning) await pause(10);
    await insert(2);
    assert.deepEqual(await look(database), { from: "primary", rows: 2 });
    await copy.start();
    await untilCopied(database, 2);

    const { user, password } = orders;
    const other = new pg.Client({ host: "127.0.0.1", port: copyPort, user, password, database: "isomer_cart" });
    await assert.rejects(other.connect(), /permission denied for database/);
  },
);
