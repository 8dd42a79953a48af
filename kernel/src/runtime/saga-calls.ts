/** How sagas reach the world: transactions in their own service's database, calls to others under their own keys. */
import { SagaEngine } from "../saga/mod.ts";
import { assertedIdentity } from "../security/mod.ts";
import type { Database, SqlConnection } from "../store/mod.ts";
import { Leadership } from "./leadership.ts";
import { DEADLINE_MS } from "./outbound.ts";
import type { ServiceRunner } from "./service-runner.ts";

/** How soon a leader looks for what other replicas began, in milliseconds, when it was not told. */
const LOOK_AGAIN_MS = 1_000;

/** The engine's part among replicas: `alone` when there are none. */
export type SagaRole =
  | { readonly kind: "alone" }
  | { readonly kind: "leads"; readonly token: number }
  | { readonly kind: "follows" };

/** Makes the engine that runs a service's sagas, or shows them while another replica runs them. */
export function sagaEngineOf(runner: ServiceRunner, role: SagaRole = { kind: "alone" }): SagaEngine {
  const { world, service, name } = runner;
  // Two engines must not decide differently on one saga: what a leader writes is fenced by its token.
  const fence = (connection: SqlConnection): Promise<void> | undefined =>
    role.kind === "leads" ? Leadership.fence(connection, name, role.token) : undefined;
  return new SagaEngine({
    service: name,
    sagas: service.sagas,
    database: role.kind === "leads" ? fenced(runner.database, fence) : runner.database,
    ...(role.kind === "follows" ? { follows: () => runner.tell("sagas") } : {}),
    ...(role.kind === "leads" ? { lookAgainMs: LOOK_AGAIN_MS } : {}),
    clock: world.clock,
    random: world.random,
    log: world.log.with({ service: name }),
    transact: (label, origin, body) =>
      runner.transact(`${name}.${label}`, { caller: name, ...origin }, undefined, async (tx) => {
        if (role.kind === "leads") await fence(tx.connection);
        return body(tx);
      }),
    isCommand: (call) => runner.outbound.route(call).isCommand,
    answerOf: (call) => runner.outbound.route(call).output,
    call: (call, { key, identity, criticality, trace, attempt, insists }) => {
      const route = runner.outbound.route(call);
      const deadlineAt = world.clock.monotonicMs() + 4 * DEADLINE_MS;
      const origin = {
        caller: name,
        // A saga may run long after the user's token is over, and must be let in then as it is now: it names the user,
        // in every arrangement, and acts by the rights of its service.
        identity: identity && assertedIdentity(identity),
        trace,
        criticality,
        deadlineAt,
        signal: undefined,
        key,
        attempt,
        insists,
      };
      return route.send(call, origin, route.isCommand ? key : undefined);
    },
  });
}

/** The same database; what is written to it is fenced. */
function fenced(database: Database, fence: (connection: SqlConnection) => Promise<void> | undefined): Database {
  const write: Database["write"] = (options, body) =>
    database.write(options, async (connection) => {
      await fence(connection);
      return body(connection);
    });
  return {
    name: database.name,
    dialect: database.dialect,
    write,
    read: (options, body) => database.read(options, body),
    migrate: (sets) => database.migrate(sets),
    backup: (path) => database.backup(path),
    stats: () => database.stats(),
    close: () => database.close(),
  };
}
