/** How sagas reach the world: transactions in their own service's database, calls to others under their own keys. */
import { SagaEngine } from "../saga/mod.ts";
import { assertedIdentity } from "../security/mod.ts";
import { DEADLINE_MS } from "./outbound.ts";
import type { ServiceRunner } from "./service-runner.ts";

/** Makes the engine that runs a service's sagas. */
export function sagaEngineOf(runner: ServiceRunner): SagaEngine {
  const { world, service, name } = runner;
  return new SagaEngine({
    service: name,
    sagas: service.sagas,
    database: runner.database,
    clock: world.clock,
    random: world.random,
    log: world.log.with({ service: name }),
    transact: (label, origin, body) =>
      runner.transact(`${name}.${label}`, { caller: name, ...origin }, undefined, body),
    isCommand: (call) => runner.outbound.route(call).isCommand,
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
