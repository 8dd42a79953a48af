/** All mutants, by area. */
import { REPLICAS_EVERY } from "../replicas-every.ts";
import { deliveryMutants } from "./delivery.ts";
import { idempotencyMutants } from "./idempotency.ts";
import type { Mutant } from "./mutant.ts";
import { moneyMutants } from "./money.ts";
import { replicaMutants } from "./replicas.ts";
import { sagaMutants } from "./sagas.ts";
import { shopMutants } from "./shop.ts";

/** All mutants. */
export const MUTANTS: readonly Mutant[] = [
  ...deliveryMutants,
  ...idempotencyMutants,
  ...sagaMutants,
  ...moneyMutants,
  ...shopMutants,
  ...replicaMutants,
];

/** The mutant of a name. @throws {Error} when there is none, or two. */
export function mutantOf(name: string): Mutant {
  const found = MUTANTS.filter((mutant) => mutant.name === name);
  const [mutant] = found;
  if (mutant === undefined || found.length > 1) throw new Error(`There are ${found.length} mutants called "${name}".`);
  return mutant;
}

/** Every which seed a mutant is looked for in: in each, or in those with replicas. */
export function everyOf({ needsReplicas }: Mutant): number {
  return needsReplicas === true ? REPLICAS_EVERY : 1;
}
