/** What is common to all who drive SQLite: statements and rows, errors, open transactions, migrations. */
export { isBusy, translate } from "./errors.ts";
export { loadMigrations } from "./load-migrations.ts";
export { migrate } from "./migrate.ts";
export { Session } from "./session.ts";
export { Transaction } from "./transaction.ts";
