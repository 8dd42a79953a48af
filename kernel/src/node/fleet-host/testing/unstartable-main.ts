/** The entry of a fleet whose service is not told what it needs to know, or whose system does not even load. */
import { fileURLToPath } from "node:url";
import { fleetMain } from "../../../cli/mod.ts";
import { anyone, contract, query } from "../../../contract/mod.ts";
import { defineSystem, implement } from "../../../runtime/mod.ts";
import { t } from "../../../schema/mod.ts";
import { type FleetApp, defineFleet } from "../mod.ts";

const inn = contract("inn", {
  version: "1.0.0",
  queries: { open: query({ input: t.object({}), output: t.boolean(), allow: [anyone] }) },
});
const service = implement()(inn, {
  settings: t.object({ house: t.text() }),
  commands: {},
  queries: { open: () => Promise.resolve(true) },
});

function app(): FleetApp {
  if (process.env["UNLOADABLE"] !== undefined) throw new Error("the system does not load");
  return defineFleet({ system: defineSystem({ name: "Inn", services: [service], roles: {} }), version: "1.0.0" });
}

process.exitCode = await fleetMain({
  entry: fileURLToPath(import.meta.url),
  app: async () => app(),
  arguments: process.argv.slice(2),
});
