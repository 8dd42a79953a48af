/** Changes of a contract, and what follows for a deployment. */
import type { Misfit } from "../../schema/mod.ts";

/**
 * In which order the builds may replace one another. `any`: old and new understand one another. `owner-first`: the
 * service that has the contract, then those that use it. `users-first`: the other way round. `side-by-side`: neither
 * works; the old and the new thing must be there at once, under two names.
 */
export type Order = "any" | "owner-first" | "users-first" | "side-by-side";

/** Who is touched. `clients` are outside, and are not deployed with the system. */
export type Party = "callers" | "callee" | "subscribers" | "emitter" | "clients" | "roles";

/** One change. */
export interface Change {
  /** `service.operation` or `service.event`; the service's name for what concerns all of it. */
  readonly at: string;
  /** Which part: `input`, `output`, `access`, `http`, … */
  readonly part: string;
  /** A sentence. */
  readonly what: string;
  readonly order: Order;
  /** Who must do something, or would fail. */
  readonly affects: readonly Party[];
  /** The services that the order is about, where they are not all that use it. */
  readonly users?: readonly string[];
  /** What to do, where it is not just the order. */
  readonly advice?: string;
}

/** Whether a change needs nothing, an order of deployment, or more than that. */
export type Verdict = "compatible" | "ordered" | "breaking";

/** The verdict of an order. */
export function verdictOf(order: Order): Verdict {
  if (order === "any") return "compatible";
  return order === "side-by-side" ? "breaking" : "ordered";
}

/** The order, given what goes wrong between old users and the new owner, and between new users and the old owner. */
export function orderOf(oldUsers: readonly unknown[], newUsers: readonly unknown[]): Order {
  if (oldUsers.length === 0) return newUsers.length === 0 ? "any" : "owner-first";
  return newUsers.length === 0 ? "users-first" : "side-by-side";
}

/** Some misfits as one clause. */
export function told(misfits: readonly Misfit[]): string {
  const few = misfits.slice(0, 3).map(({ path, problem }) => `${path === "" ? "it" : path} ${problem}`);
  return few.join("; ") + (misfits.length > few.length ? `; and ${misfits.length - few.length} more` : "");
}
