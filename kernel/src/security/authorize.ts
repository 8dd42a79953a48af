/**
 * Who may call an operation: the contract's rules, compiled once per operation into a decision that allocates
 * nothing. Deny by default: an operation without a rule lets nobody in.
 */
import { type AccessRule, fault } from "../contract/mod.ts";
import { t } from "../schema/mod.ts";
import { type FaultType, defineFault } from "../std/mod.ts";

/** What the decision needs to know about the end user behind a call. */
export interface Bearer {
  /** The stable id of the user or guest. */
  readonly subject: string;
  readonly roles: readonly string[];
  /** Whether a service says so, and no token: then it gives no right to anything. */
  readonly asserted?: boolean | undefined;
}

/** What came of the rules. After `ask-owner` the runtime compares the object's owner with {@link isOwner}. */
export type Decision = "allow" | "ask-owner" | "unauthenticated" | "forbidden";

/** A decision, and the kind of rule that it was taken by; `none` when no rule lets the call in. */
export interface Ruling {
  readonly decision: Decision;
  readonly by: "anyone" | "services" | "user" | "permission" | "owner" | "none";
}

/** The permissions that a role grants; an unknown role grants none. Built once at the start of a system. */
export type PermissionsOf = (role: string) => ReadonlySet<string>;

/** The compiled rules of one operation. */
export interface AccessPolicy {
  /**
   * Decides from what is known without asking the service.
   * @param caller The service that calls, or undefined at the edge.
   * @param bearer The end user behind the call, if there is one.
   */
  decide(caller: string | undefined, bearer: Bearer | undefined, permissionsOf: PermissionsOf): Ruling;
}

/** Nobody is signed in, and somebody must be. The edge answers 401. */
export const Unauthenticated: FaultType<undefined> = defineFault<undefined>({
  code: "kernel/unauthenticated",
  kind: "denied",
  message: () => "This needs a valid access token. Sign in, and send it as a bearer token.",
});

/** Whoever calls lacks the right to this operation, whatever the object. */
export const Forbidden: FaultType<{ operation: string }> = fault("kernel/forbidden", {
  kind: "denied",
  data: t.object({ operation: t.text() }),
  message: ({ operation }) => `You have no right to ${operation}. Ask for a role that permits it.`,
});

/** There is no such object, or it is another's: the two look alike, so that nobody can probe for ids. */
export const NotFound: FaultType<{ what: string }> = fault("kernel/not-found", {
  kind: "missing",
  data: t.object({ what: t.text() }),
  message: ({ what }) => `There is no such ${what}.`,
});

const ANYONE: Ruling = { decision: "allow", by: "anyone" };
const SERVICE: Ruling = { decision: "allow", by: "services" };
const USER: Ruling = { decision: "allow", by: "user" };
const PERMISSION: Ruling = { decision: "allow", by: "permission" };
const OWNER: Ruling = { decision: "ask-owner", by: "owner" };
const FORBIDDEN: Ruling = { decision: "forbidden", by: "none" };
const UNAUTHENTICATED: Ruling = { decision: "unauthenticated", by: "none" };

/** Compiles the rules of an operation. Alternatives: the first that lets the call in decides. */
export function accessPolicy(rules: readonly AccessRule[]): AccessPolicy {
  const has = (kind: AccessRule["kind"]): boolean => rules.some((rule) => rule.kind === kind);
  if (has("anyone")) return { decide: () => ANYONE };
  const anyUser = has("user");
  const owner = has("owner");
  const permissions = rules.flatMap((rule) => (rule.kind === "permission" ? [rule.permission] : []));
  const callers = new Set(rules.flatMap((rule) => (rule.kind === "services" ? rule.services : [])));
  // Signing in helps only where some rule looks at the user.
  const refusal = anyUser || owner || permissions.length > 0 ? UNAUTHENTICATED : FORBIDDEN;
  return {
    decide(caller, bearer, permissionsOf) {
      if (caller !== undefined && callers.has(caller)) return SERVICE;
      if (bearer === undefined) return refusal;
      if (bearer.asserted === true) return FORBIDDEN;
      if (anyUser) return USER;
      if (permissions.length > 0 && holdsAny(bearer.roles, permissions, permissionsOf)) return PERMISSION;
      return owner ? OWNER : FORBIDDEN;
    },
  };
}

/** Whether the bearer owns the object, and has shown to be who that is. An object without an owner is nobody's: the answer is no. */
export function isOwner(bearer: Bearer | undefined, ownerSubject: string | undefined): boolean {
  if (bearer === undefined || bearer.asserted === true) return false;
  return ownerSubject !== undefined && bearer.subject === ownerSubject;
}

/** Whether any of the roles grants the permission. */
export function holds(roles: readonly string[], permission: string, permissionsOf: PermissionsOf): boolean {
  for (const role of roles) {
    if (permissionsOf(role).has(permission)) return true;
  }
  return false;
}

function holdsAny(roles: readonly string[], permissions: readonly string[], permissionsOf: PermissionsOf): boolean {
  for (const permission of permissions) {
    if (holds(roles, permission, permissionsOf)) return true;
  }
  return false;
}

const NONE: ReadonlySet<string> = new Set();

/** Looks roles up in a table of role to permissions, as a system declares it. */
export function permissionTable(roles: Readonly<Record<string, readonly string[]>>): PermissionsOf {
  const table = new Map(Object.entries(roles).map(([role, names]) => [role, new Set(names) as ReadonlySet<string>]));
  return (role) => table.get(role) ?? NONE;
}
