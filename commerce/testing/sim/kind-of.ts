/** What makes two violations the same failure. */
import type { SimViolation } from "@isomer/kernel/sim";

const INVARIANT = /^invariant \S+(?=: )/;

/** One property holds all the invariants: what is one failure is told by the invariant's number. */
export function kindOf({ property, what }: SimViolation): string {
  return `${property} ${INVARIANT.exec(what)?.[0] ?? ""}`.trim();
}
