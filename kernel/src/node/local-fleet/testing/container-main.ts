/** The entry of processes that no supervisor runs: `node container-main.ts run --services back --instance … --fleet …`. */
import { fileURLToPath } from "node:url";
import { anyone, contract, http, query, services } from "../../../contract/mod.ts";
import { defineSystem, implement } from "../../../runtime/mod.ts";
import { t } from "../../../schema/mod.ts";
import { type FleetApp, defineFleet, runFleetHost } from "../../fleet-host/mod.ts";

const Key = t.object({ key: t.text() });
const Answer = t.object({ pid: t.integer(), user: t.text(), isProven: t.boolean() });

/** Says which process it is, and for whom it works. */
const back = contract("back", {
  version: "1.0.0",
  queries: { where: query({ input: Key, output: Answer, allow: [services("front")], affinity: "key" }) },
});

/** Asks it for clients. */
const front = contract("front", {
  version: "1.0.0",
  queries: { where: query({ input: Key, output: Answer, allow: [anyone], http: http("GET /v1/where/:key") }) },
});

/** The system. */
export const app: FleetApp = defineFleet({
  system: defineSystem({
    name: "containers",
    roles: {},
    services: [
      implement()(back, {
        commands: {},
        queries: {
          async where(_, { identity }) {
            return { pid: process.pid, user: identity?.subject ?? "", isProven: identity?.asserted !== true };
          },
        },
      }),
      implement()(front, {
        uses: [back],
        commands: {},
        queries: { where: ({ key }, ctx) => ctx.call(back.where({ key })) },
      }),
    ],
  }),
  version: "1.0.0",
  rates: { perAddress: 0, perIdentity: 0 },
  judges: () => ({
    authenticate: (token) => ({ subject: token, roles: [], guest: false }),
    apiKey: () => undefined,
  }),
});

if (process.argv[1] === fileURLToPath(import.meta.url)) await runFleetHost(app, process.argv.slice(3));
