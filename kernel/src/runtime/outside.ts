/** Where calls go that are for nobody in this process: to hosts of the fleet, or to services that others run. */
import type { Transport } from "../transport/mod.ts";
import { UnknownOperation } from "./faults.ts";
import type { System } from "./system.ts";

/** The ways out of a process. */
export interface OutsideOptions {
  readonly system: System;
  readonly elsewhere: Transport | undefined;
  readonly externals: Transport | undefined;
}

/** One transport for both; undefined when there is neither. */
export function outsideTransport({ system, elsewhere, externals }: OutsideOptions): Transport | undefined {
  if (externals === undefined) return elsewhere;
  const names = new Set((system.externals ?? []).map(({ contract }) => contract.name));
  return {
    send(envelope) {
      const way = names.has(envelope.service) ? externals : elsewhere;
      return way?.send(envelope) ?? Promise.reject(UnknownOperation.with({ operation: envelope.service }));
    },
  };
}
