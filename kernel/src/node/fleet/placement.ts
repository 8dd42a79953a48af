/**
 * Placements: which services share a process, how many processes of each group there are, how many gateways.
 * All of it is pure; reading and writing the file is the supervisor's matter.
 */
import { Invalid, type TypeOf, t, validator } from "../../schema/mod.ts";
import { PlacementInvalid, UnknownName } from "./faults.ts";

/** How many processes a group may have. */
export const REPLICAS_MAX = 32;
/** The name under which gateways are rolled, restarted and scaled. */
export const GATEWAY = "gateway";
/** What neither a group nor a service must be named, because something else in the fleet is. */
const RESERVED = new Set([GATEWAY, "postgres", "postgres-copy", "nats", "redis", "supervisor"]);
const NAME = "^[a-z][a-z0-9-]{0,39}$";
const GATEWAYS = { replicas: 2, port: 3000 } as const;

const Replicas = t.optional(t.integer({ minimum: 1, maximum: REPLICAS_MAX }));
/** The zones that processes are spread over, one after another. Absent: all are in the fleet's one zone. */
const Zones = t.optional(t.array(t.text({ pattern: NAME }), { minItems: 1, uniqueItems: true }));
const PlacementSchema = t.object({
  version: t.literal(1),
  gateways: t.optional(
    t.object({
      replicas: Replicas,
      zones: Zones,
      /** The port of the first; each further one listens on the next. */
      port: t.optional(t.integer({ minimum: 1, maximum: 65_535 - REPLICAS_MAX })),
    }),
  ),
  groups: t.record(
    t.object({
      services: t.array(t.text({ pattern: NAME }), { minItems: 1, uniqueItems: true }),
      replicas: Replicas,
      zones: Zones,
    }),
  ),
});
const schema = validator(PlacementSchema, "placement");

/** Services that share a process, and how many such processes there are. */
export interface PlacedGroup {
  readonly services: readonly string[];
  /** 1 to {@link REPLICAS_MAX}. */
  readonly replicas: number;
  /** The zones that they are spread over; the fleet's one zone unless said. */
  readonly zones?: readonly string[];
}

/** Where everything runs. Each service of the system is in exactly one group. */
export interface Placement {
  readonly version: 1;
  readonly gateways: { readonly replicas: number; readonly port: number; readonly zones?: readonly string[] };
  /** By name, in the order in which they are shown. */
  readonly groups: Readonly<Record<string, PlacedGroup>>;
}

/**
 * Each service in a process of its own, two gateways on ports 3000 and 3001.
 * @throws {PlacementInvalid} when a service has a name that it cannot have in a fleet.
 */
export function defaultPlacement(services: readonly string[]): Placement {
  checkServiceNames(services);
  const groups = Object.fromEntries(services.map((name) => [name, { services: [name], replicas: 1 }]));
  return { version: 1, gateways: GATEWAYS, groups };
}

/**
 * The placement that a file says. Services that it does not name get a group of their own. Those of `programs` are written
 * in another language: each is a process by itself.
 * @throws {PlacementInvalid} saying where and what to change.
 */
export function parsePlacement(text: string, services: readonly string[], programs: readonly string[] = []): Placement {
  checkServiceNames(services);
  const said = checkShape(text);
  const groups = Object.entries(said.groups).map(([name, group]) => [name, { replicas: 1, ...group }] as const);
  const known = new Set(services);
  const placed = new Map<string, string>();
  for (const [group, { services: members }] of groups) {
    checkGroupName(group, known, members);
    const alone = members.length > 1 ? members.find((name) => programs.includes(name)) : undefined;
    if (alone !== undefined)
      fail(`"${alone}" is a program of its own and shares no process. Take it out of "${group}".`);
    for (const service of members) {
      const other = placed.get(service);
      if (!known.has(service)) fail(`the group "${group}" names "${service}", which is no service of the system.`);
      if (other !== undefined) fail(`"${service}" is in two groups, "${other}" and "${group}". Take it out of one.`);
      placed.set(service, group);
    }
  }
  const apart = services.filter((name) => !placed.has(name));
  return {
    version: 1,
    gateways: { ...GATEWAYS, ...said.gateways },
    groups: Object.fromEntries([...groups, ...apart.map((name) => [name, { services: [name], replicas: 1 }] as const)]),
  };
}

function checkShape(text: string): TypeOf<typeof PlacementSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`it is not JSON (${error instanceof Error ? error.message : "unreadable"}).`);
  }
  try {
    return schema.parse(value);
  } catch (error) {
    if (!Invalid.is(error)) throw error;
    return fail(error.data.issues.map(({ path, message }) => `${path === "" ? "it" : path} ${message}`).join("; "));
  }
}

/**
 * What a service is named, its certificate, its users and its database are: one that is named like the gateway would have
 * the gateway's rights.
 */
function checkServiceNames(services: readonly string[]): void {
  for (const name of services) {
    if (RESERVED.has(name)) fail(`a service cannot be named "${name}": the fleet has that already.`);
    if (!new RegExp(NAME).test(name))
      fail(
        `"${name}" is no name for a service of a fleet: small letters, digits and hyphens, at most 40, a letter first.`,
      );
  }
}

/** A group may be named after a service only if that service is in it, or a name would mean two things. */
function checkGroupName(group: string, known: ReadonlySet<string>, members: readonly string[]): void {
  if (!new RegExp(NAME).test(group))
    fail(`"${group}" is no name for a group: small letters, digits and hyphens, at most 40, a letter first.`);
  if (RESERVED.has(group)) fail(`a group cannot be named "${group}": the fleet has that already.`);
  if (known.has(group) && !members.includes(group))
    fail(`the group "${group}" has the name of a service that is not in it. Name it otherwise.`);
}

/** The text of the file. */
export function placementText({ version, gateways, groups }: Placement): string {
  const lines = Object.entries(groups).map(([name, group]) => `    ${JSON.stringify(name)}: ${inOneLine(group)}`);
  return `{\n  "version": ${version},\n  "gateways": ${inOneLine(gateways)},\n  "groups": {\n${lines.join(",\n")}\n  }\n}\n`;
}

function inOneLine(value: object): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, " ").replaceAll("[ ", "[").replaceAll(" ]", "]");
}

/** The addresses of the gateways, the first first. */
export function gatewayUrls({ gateways: { replicas, port } }: Placement): readonly string[] {
  return Array.from({ length: replicas }, (_, n) => `http://127.0.0.1:${port + n}`);
}

/** The group that a name means: its own, or its service's. @throws {UnknownName} when it means none. */
export function groupOf({ groups }: Placement, name: string): string {
  if (Object.hasOwn(groups, name)) return name;
  const found = Object.entries(groups).find(([, { services }]) => services.includes(name));
  if (found !== undefined) return found[0];
  const services = Object.values(groups).flatMap((group) => group.services);
  throw UnknownName.with({ name, known: [...new Set([GATEWAY, ...Object.keys(groups), ...services])] });
}

/**
 * The placement with a service in another group, which is made when there is none; a group that is left empty goes.
 * @throws {UnknownName | PlacementInvalid}
 */
// oxlint-disable-next-line max-params -- the last one is for fleets with services in other languages only
export function placeService(
  placement: Placement,
  service: string,
  group: string,
  programs: readonly string[] = [],
): Placement {
  if (service === GATEWAY) fail("gateways share no process with services, and stay where they are.");
  const from = groupOf(placement, service);
  const source = placement.groups[from];
  if (source === undefined || !source.services.includes(service)) fail(`"${service}" is a group, not a service.`);
  if (from === group) return placement;
  const groups: Record<string, PlacedGroup> = {};
  for (const [name, { services, ...rest }] of Object.entries(placement.groups)) {
    const left = name === from ? services.filter((other) => other !== service) : services;
    const members = name === group ? [...left, service] : left;
    if (members.length > 0) groups[name] = { services: members, ...rest };
  }
  // Its own only: `constructor` is a name like any other, and no group because every object has one.
  if (!Object.hasOwn(groups, group)) groups[group] = { ...source, services: [service] };
  const services = Object.values(groups).flatMap((each) => each.services);
  return parsePlacement(JSON.stringify({ ...placement, groups }), services, programs);
}

/** The placement with so many processes of a group, or gateways. @throws {UnknownName | PlacementInvalid} */
export function scaleGroup(placement: Placement, name: string, replicas: number): Placement {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > REPLICAS_MAX)
    fail(`a group has 1 to ${REPLICAS_MAX} processes, not ${replicas}.`);
  if (name === GATEWAY) return { ...placement, gateways: { ...placement.gateways, replicas } };
  const group = groupOf(placement, name);
  return {
    ...placement,
    groups: { ...placement.groups, [group]: { services: [], ...placement.groups[group], replicas } },
  };
}

/** One group's way from a placement to the next. */
export interface GroupChange {
  readonly group: string;
  readonly services: readonly string[];
  /** 0 when the group goes. */
  readonly replicas: number;
  readonly zones?: readonly string[];
  /** Whether its processes hold other services than before, so that they are replaced. */
  readonly isOther: boolean;
}

/**
 * What leads from a placement to the next, in an order in which no service is ever without a process: groups that gain
 * one come before groups that lose one.
 */
export function placementDiff(before: Placement, after: Placement): readonly GroupChange[] {
  const changes: { change: GroupChange; rank: number }[] = [];
  for (const group of new Set([...Object.keys(after.groups), ...Object.keys(before.groups)])) {
    const [old, now] = [before.groups[group], after.groups[group]];
    const had = old?.services ?? [];
    const services = now?.services ?? [];
    const gains = services.some((name) => !had.includes(name));
    const loses = had.some((name) => !services.includes(name));
    const replicas = now?.replicas ?? 0;
    if (!gains && !loses && replicas === old?.replicas) continue;
    const isOther = now !== undefined && (gains || loses);
    const zones = now?.zones === undefined ? {} : { zones: now.zones };
    changes.push({ change: { group, services, replicas, ...zones, isOther }, rank: gains ? 0 : loses ? 2 : 1 });
  }
  return changes.toSorted((one, other) => one.rank - other.rank).map(({ change }) => change);
}

function fail(detail: string): never {
  throw PlacementInvalid.with({ detail });
}
