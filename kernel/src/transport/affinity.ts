/** Affinity: operations whose contract names a field by which calls keep to one instance. */
import type { ContractBase, Operation } from "../contract/mod.ts";
import type { Envelope } from "./envelope.ts";

/** Finds the key by which a call keeps to one instance, or none. */
export type AffinityOf = (envelope: Envelope) => string | undefined;

/** Reads affinity keys as these contracts declare them. */
export function affinityBy(contracts: readonly ContractBase[]): AffinityOf {
  const fields = new Map<string, string>();
  for (const { name, commands, queries } of contracts) {
    for (const [operation, { affinity }] of Object.entries<Operation>({ ...commands, ...queries })) {
      if (affinity !== undefined) fields.set(`${name}.${operation}`, affinity);
    }
  }
  if (fields.size === 0) return () => undefined;
  return ({ service, operation, input }) => {
    const field = fields.get(`${service}.${operation}`);
    if (field === undefined || typeof input !== "object" || input === null) return undefined;
    const value = (input as Readonly<Record<string, unknown>>)[field];
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  };
}
