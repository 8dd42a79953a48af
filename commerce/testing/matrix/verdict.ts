/**
 * Who may do what, computed from the rules alone: a second, slow and plain reading of them, to hold the runtime's
 * compiled one against. It shares no code with it.
 */
import type { AccessRule } from "@isomer/kernel/contract";
import { roles as SHOP_ROLES } from "../../system.ts";

/** What should come of a call. */
export type Verdict = "allow" | "unauthenticated" | "forbidden" | "missing";

/** Whoever calls. */
export interface Asker {
  /** The service that calls; absent at the edge. */
  readonly service?: string;
  /** Roles of the person behind the call; absent when there is nobody. */
  readonly roles?: readonly string[];
  /** Whether the object is this person's. */
  readonly owns?: boolean;
}

/** What should come of a call under these rules. */
export function verdictOf(rules: readonly AccessRule[], asker: Asker): Verdict {
  for (const rule of rules) if (admits(rule, asker)) return "allow";
  const kinds = rules.map((rule) => rule.kind);
  const asksForPeople = kinds.includes("user") || kinds.includes("owner") || kinds.includes("permission");
  if (asker.roles === undefined) return asksForPeople ? "unauthenticated" : "forbidden";
  return kinds.includes("owner") ? "missing" : "forbidden";
}

function admits(rule: AccessRule, { service, roles, owns = false }: Asker): boolean {
  if (rule.kind === "anyone") return true;
  if (rule.kind === "services") return service !== undefined && rule.services.includes(service);
  if (roles === undefined) return false;
  if (rule.kind === "user") return true;
  if (rule.kind === "owner") return owns;
  return roles.some((role) => permissionsOf(role).includes(rule.permission));
}

function permissionsOf(role: string): readonly string[] {
  const table: Readonly<Record<string, readonly string[]>> = SHOP_ROLES;
  return Object.hasOwn(table, role) ? (table[role] ?? []) : [];
}

/** The codes by which the runtime refuses; any other answer means that the call was let in. */
export const REFUSALS: Readonly<Record<string, Verdict>> = {
  "kernel/unauthenticated": "unauthenticated",
  "kernel/forbidden": "forbidden",
  "kernel/not-found": "missing",
};

/** The statuses that tell the refusals over HTTP. */
export const STATUSES: Readonly<Record<Exclude<Verdict, "allow">, number>> = {
  unauthenticated: 401,
  forbidden: 403,
  missing: 404,
};
