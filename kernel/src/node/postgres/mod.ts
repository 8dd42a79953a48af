/** node/postgres: the store on PostgreSQL, a database and roles per service. */
export { restoreFrom } from "./backup.ts";
export { type ProvisionedDatabases, type Provisioning, dropDatabases, provisionDatabases } from "./provision.ts";
export { type PostgresStorageOptions, postgresStorage } from "./storage.ts";
