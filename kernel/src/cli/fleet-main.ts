/** The entry of a system that runs as a fleet: the `isomer` command, with that system in it. */
import { silentLogger } from "../std/mod.ts";
import { processTerminal, systemClock } from "../node/fleet/mod.ts";
import type { FleetApp } from "../node/fleet-host/mod.ts";
import { type FleetSystem, isomer } from "./isomer.ts";

/** The trust domain of local fleets: nobody outside the machine is in it. */
const TRUST_DOMAIN = "fleet.local";

/** What {@link fleetMain} takes. */
export interface FleetMainOptions {
  /** The path of the module that calls this: processes of the fleet are started with it. */
  readonly entry: string;
  /** The system; loaded only when a command needs it. */
  readonly app: () => Promise<FleetApp>;
  /** What stood behind the command's name. */
  readonly arguments: readonly string[];
}

/** Carries out what the command line says. Resolves to the exit code. */
export function fleetMain({ entry, app, arguments: words }: FleetMainOptions): Promise<number> {
  return isomer({
    arguments: words,
    terminal: processTerminal(),
    clock: systemClock(),
    entry,
    system: async () => await fleetSystem(await app()),
    // Loaded when they are needed: most commands only ask a fleet that runs, and should answer at once.
    run: async (given) => (await import("../node/fleet-host/mod.ts")).runFleetHost(await app(), given),
  });
}

async function fleetSystem(app: FleetApp): Promise<FleetSystem> {
  const { system, version, secrets, certificateLifeMs: lifeMs } = app;
  const { localCredentials, localEngines } = await import("../node/local-fleet/mod.ts");
  const { systemRandom } = await import("../node/mod.ts");
  const [clock, random] = [systemClock(), systemRandom()];
  return {
    name: system.name,
    services: system.services.map(({ contract }) => contract.name),
    version,
    engines: (folder) => localEngines({ folder, system, clock, random, log: silentLogger }),
    credentials: (folder) => {
      const life = lifeMs === undefined ? {} : { lifeMs };
      return Promise.resolve(localCredentials({ folder, trustDomain: TRUST_DOMAIN, clock, ...life }));
    },
    ...(secrets === undefined ? {} : { secrets: secretsOf(secrets) }),
  };
}

function secretsOf(secrets: NonNullable<FleetApp["secrets"]>): NonNullable<FleetSystem["secrets"]> {
  return (folder) => {
    const all = secrets(folder);
    return (services) =>
      Object.fromEntries(services.flatMap((name) => (all[name] === undefined ? [] : [[name, { ...all[name] }]])));
  };
}
