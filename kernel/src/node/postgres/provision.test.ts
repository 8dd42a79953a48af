/** Databases and roles of services, made by a role that may make them and is no superuser, as clouds give one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import pg from "pg";
import { type Provisioning, provisionDatabases } from "./mod.ts";
import { testCluster, withoutPostgres } from "./testing/cluster.ts";

const cluster = testCluster();

async function withClient<T>(url: string, action: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

/** The address of the server for a role that may make databases and roles, and nothing else. */
async function makerUrl(name: string): Promise<string> {
  const { adminUrl } = await cluster.server();
  await withClient(adminUrl, (admin) => admin.query(`CREATE ROLE ${name} LOGIN CREATEDB CREATEROLE PASSWORD 'made'`));
  const url = new URL(adminUrl);
  url.username = name;
  url.password = "made";
  return url.href;
}

void describe("databases", { skip: withoutPostgres }, () => {
  test("are made by a role that may make databases and roles, and made anew by it, with other passwords", async () => {
    const making = { adminUrl: await makerUrl("maker"), services: ["orders", "cart"], prefix: "made_" };
    for (const password of ["first", "second"]) {
      const { urlOf, migrationUrlOf } = await provisionDatabases({ ...making, passwordOf: () => password });
      for (const service of making.services) {
        await withClient(migrationUrlOf(service), (owner) => owner.query(`CREATE TABLE ${password} (id integer)`));
        const inserting = `INSERT INTO ${password} VALUES (1)`;
        assert.equal((await withClient(urlOf(service), (role) => role.query(inserting))).rowCount, 1);
        await assert.rejects(
          withClient(urlOf(service), (role) => role.query("CREATE TABLE other (id integer)")),
          { code: "42501" },
        );
      }
    }
    const { urlOf } = await provisionDatabases({ ...making, passwordOf: () => "third" });
    const elsewhere = new URL(urlOf("orders"));
    elsewhere.pathname = "/made_cart";
    await assert.rejects(
      withClient(elsewhere.href, (role) => role.query("SELECT 1")),
      { code: "42501" },
    );
  });

  test("belong to roles that may do nothing else, also when one of that name could", async () => {
    const { adminUrl } = await cluster.server();
    await withClient(adminUrl, (admin) => admin.query("CREATE ROLE was_orders SUPERUSER CREATEDB CREATEROLE"));
    const making: Provisioning = { adminUrl, services: ["orders"], prefix: "was_", passwordOf: () => "secret" };
    await provisionDatabases(making);
    const { rows } = await withClient(adminUrl, (admin) =>
      admin.query(`SELECT rolname FROM pg_roles WHERE rolname IN ('was_orders', 'was_orders_owner')
                   AND NOT rolsuper AND NOT rolcreatedb AND NOT rolcreaterole AND NOT rolreplication`),
    );
    assert.equal(rows.length, 2);
  });
});
