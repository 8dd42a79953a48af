/** How the external services of a system are started in a local fleet: what the supervisor needs to know of them. */
import { fileURLToPath } from "node:url";
import { snapshotOf } from "../../contract/mod.ts";
import type { ProgramSpec } from "../fleet/mod.ts";
import type { FleetApp } from "../fleet-host/mod.ts";

/**
 * The programs of a system, by service.
 * @throws {TypeError} when nobody says how an external service is started, or a program is said for what is none.
 */
export function programsOf({ system, programs = {} }: FleetApp): Readonly<Record<string, ProgramSpec>> {
  const { externals = [] } = system;
  const [unknown] = Object.keys(programs).filter((name) => !externals.some(({ contract }) => contract.name === name));
  if (unknown !== undefined)
    throw new TypeError(`"${unknown}" is no external service of ${system.name}: it has no program.`);
  const specs = externals.map(({ contract, uses }): [string, ProgramSpec] => {
    const program = programs[contract.name];
    if (program === undefined)
      throw new TypeError(
        `"${contract.name}" is an external service: say in "programs" of the fleet how it is started.`,
      );
    const { protocol = "http", folder, ...rest } = program;
    const snapshot = snapshotOf(contract, { uses: uses.map(({ name }) => name), hears: [] });
    return [contract.name, { ...rest, folder: fileURLToPath(folder), protocol, contract: snapshot }];
  });
  return Object.fromEntries(specs);
}
