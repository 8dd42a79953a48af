/** The contracts of a system as plain data, with what each service relies on. */
import { type ContractSnapshot, snapshotOf } from "../contract/mod.ts";
import type { Service } from "./service.ts";
import type { System } from "./system.ts";

/** The snapshots of a system's contracts, by name: to be kept, and compared with those of the next version. */
export function systemSnapshots({ services }: System): readonly ContractSnapshot[] {
  return services.map(snapshotOfService).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function snapshotOfService({ contract, uses, on, projections }: Service): ContractSnapshot {
  const heard = [...on, ...projections.flatMap((projection) => projection.on)];
  return snapshotOf(contract, {
    uses: uses.map(({ name }) => name),
    hears: [...new Set(heard.map(({ event }) => `${event.service}.${event.name}`))],
  });
}
