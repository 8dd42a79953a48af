/** node/postgres/testing: PostgreSQL for tests. */
export { type TestCluster, type TestDatabases, testCluster, withoutPostgres } from "./cluster.ts";
