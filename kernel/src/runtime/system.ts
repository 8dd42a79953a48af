/** A system: its services and its roles. One typed value from which everything else is derived. */
import type { ContractBase, Operation } from "../contract/mod.ts";
import type { External } from "./external.ts";
import type { Service } from "./service.ts";

/** Settings of services by name; each is checked against its service's schema when the service starts. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What {@link defineSystem} takes. */
export interface SystemOptions {
  readonly name: string;
  readonly services: readonly Service[];
  /** Services that others run; see {@link external}. */
  readonly externals?: readonly External[];
  /** Roles: name to the permissions that it holds. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
}

/** A system that was checked. */
export interface System extends SystemOptions {
  readonly contracts: readonly ContractBase[];
  /** The permissions of a role; none for an unknown one. */
  permissionsOf(role: string): ReadonlySet<string>;
  /** Whether `caller` declared that it uses `service`. */
  mayCall(caller: string, service: string): boolean;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Checks that everything that is named exists: used and heard services, callers in access rules, permissions of
 * roles and rules.
 * @throws {TypeError} that names what is wrong.
 */
export function defineSystem(options: SystemOptions): System {
  const { externals = [] } = options;
  const members: readonly Member[] = [...options.services, ...externals.map(memberOf)];
  const byName = new Map<string, Member>();
  for (const service of members) {
    const { name } = service.contract;
    if (byName.has(name)) throw new TypeError(`The system "${options.name}" has two services named "${name}".`);
    byName.set(name, service);
  }
  const declared = new Set(members.flatMap((service) => Object.keys(service.contract.permissions)));
  for (const service of members) checkService(service, byName, declared);
  const roles = new Map<string, ReadonlySet<string>>();
  for (const [role, permissions] of Object.entries(options.roles)) {
    for (const permission of permissions) {
      if (!declared.has(permission))
        throw new TypeError(`The role "${role}" holds "${permission}", which no contract declares.`);
    }
    roles.set(role, new Set(permissions));
  }
  const uses = new Map(
    members.map((service) => [service.contract.name, new Set(service.uses.map((used) => used.name))]),
  );
  return {
    ...options,
    contracts: members.map((service) => service.contract),
    permissionsOf: (role) => roles.get(role) ?? NONE,
    mayCall: (caller, service) => uses.get(caller)?.has(service) ?? false,
  };
}

/** What is checked of services, wherever they run. */
type Member = Pick<Service, "contract" | "uses" | "on" | "projections">;

const memberOf = ({ contract, uses }: External): Member => ({ contract, uses, on: [], projections: [] });

function checkService(service: Member, byName: ReadonlyMap<string, Member>, permissions: ReadonlySet<string>): void {
  const { name } = service.contract;
  for (const used of service.uses) {
    if (!byName.has(used.name)) throw new TypeError(`"${name}" uses "${used.name}", which is not in the system.`);
  }
  for (const { event } of [...service.on, ...service.projections.flatMap((projection) => projection.on)]) {
    const source = byName.get(event.service);
    if (source?.contract.events[event.name] === undefined) {
      throw new TypeError(`"${name}" hears ${event.service}.${event.name}, which is not in the system.`);
    }
  }
  for (const [operation, definition] of Object.entries<Operation>({
    ...service.contract.commands,
    ...service.contract.queries,
  })) {
    for (const rule of definition.allow) {
      if (rule.kind === "permission" && !permissions.has(rule.permission)) {
        throw new TypeError(
          `${name}.${operation} asks for the permission "${rule.permission}", which no contract declares.`,
        );
      }
      if (rule.kind === "services") checkCallers(`${name}.${operation}`, name, rule.services, byName);
    }
  }
}

function checkCallers(
  at: string,
  callee: string,
  callers: readonly string[],
  byName: ReadonlyMap<string, Member>,
): void {
  for (const caller of callers) {
    const service = byName.get(caller);
    if (service === undefined) throw new TypeError(`${at} lets "${caller}" in, which is not in the system.`);
    if (caller !== callee && !service.uses.some((used) => used.name === callee)) {
      throw new TypeError(`${at} lets "${caller}" in, but "${caller}" does not list "${callee}" in "uses".`);
    }
  }
}
