/** The entry of a system that runs as a fleet: the `isomer` command, with that system in it. */
import { silentLogger } from "../std/mod.ts";
import { endProcess, processTerminal, systemClock } from "../node/fleet/mod.ts";
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

/**
 * Carries out what the command line says. Resolves to the exit code. A process of a fleet that could not start ends here: what it
 * has open, a gateway's channel to the supervisor for instance, would keep it, and the supervisor would wait for it in vain.
 */
export async function fleetMain({ entry, app, arguments: words }: FleetMainOptions): Promise<number> {
  const code = await isomer({
    arguments: words,
    terminal: processTerminal(),
    clock: systemClock(),
    entry,
    system: async () => await fleetSystem(await app()),
    // Loaded when they are needed: most commands only ask a fleet that runs, and should answer at once.
    run: async (given) => (await import("../node/fleet-host/mod.ts")).runFleetHost(await app(), given),
  });
  if (words[0] === "run" && code !== 0) endProcess(code);
  return code;
}

async function fleetSystem(app: FleetApp): Promise<FleetSystem> {
  const { system, version, secrets, certificateLifeMs: lifeMs, natsServers = 1, postgresCopy = false } = app;
  const { localCredentials, localEngines, programsOf } = await import("../node/local-fleet/mod.ts");
  const { systemRandom } = await import("../node/mod.ts");
  const programs = programsOf(app);
  const [clock, random] = [systemClock(), systemRandom()];
  return {
    name: system.name,
    services: [...system.services.map(({ contract }) => contract.name), ...Object.keys(programs)],
    programs,
    version,
    engines: (folder) => localEngines({ folder, system, clock, random, log: silentLogger, natsServers, postgresCopy }),
    credentials: (folder) => {
      if (app.credentials !== undefined) return app.credentials(folder);
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
