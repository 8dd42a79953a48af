/** Migrates the database whose address is its argument, and stops its own process in the middle of it. */
import { systemClock } from "../../clock.ts";
import { migrate } from "../migrate.ts";

const clock = {
  ...systemClock(),
  now: () => {
    process.kill(process.pid, "SIGSTOP");
    return Date.now();
  },
};
const sets = [
  { owner: "test", migrations: [{ name: "0001_t", sql: "CREATE TABLE t (id BIGINT PRIMARY KEY, twin BIGINT)" }] },
];
await migrate({ database: "orders", url: process.argv[2] ?? "", clock, sets, stillMs: 500 });
