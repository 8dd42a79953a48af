/** Questions to DNS, and what their answers mean. */
import type { Resolver } from "node:dns/promises";

/** Where the instances of a service are found. */
export type Lookup =
  /** An A or AAAA record for each instance; all listen on the same port. */
  | { readonly kind: "addresses"; readonly name: string; readonly port: number }
  /** A SRV record for each (RFC 2782): `_wire._tcp.orders.shop.svc.cluster.local`. */
  | { readonly kind: "srv"; readonly name: string };

/** One instance that was found. */
export interface Found {
  readonly host: string;
  readonly port: number;
  /** Relative to the heaviest, when they differ. */
  readonly weight?: number;
}

/** How many instances of a service are taken from an answer. */
const FOUND_MAX = 1_000;
/** The answers that mean that there is nobody: the name is unknown, or has no such records. Others are failures. */
const NOBODY = new Set(["ENOTFOUND", "ENODATA"]);

/** Looks instances up. @throws when no server answers, or it cannot. */
export async function lookUp(resolver: Resolver, lookup: Lookup): Promise<readonly Found[]> {
  if (lookup.kind === "srv") return lookUpServices(resolver, lookup.name);
  const hosts = await addressesOf(resolver, lookup.name);
  return distinct(hosts.map((host) => ({ host, port: lookup.port })));
}

async function lookUpServices(resolver: Resolver, name: string): Promise<readonly Found[]> {
  const records = await orNobody(resolver.resolveSrv(name));
  // Those of a later priority are for when none of an earlier one can be reached; a balancer has better means.
  const first = Math.min(...records.map(({ priority }) => priority));
  const wanted = records.filter(({ priority }) => priority === first).slice(0, FOUND_MAX);
  const heaviest = Math.max(...wanted.map(({ weight }) => weight));
  const areEqual = wanted.every(({ weight }) => weight === heaviest);
  const found = await Promise.all(
    wanted.map(async ({ name: target, port, weight }) => {
      const hosts = await addressesOf(resolver, target);
      const share = areEqual ? {} : { weight: Math.max(0.01, weight / heaviest) };
      return hosts.slice(0, 1).map((host) => ({ host, port, ...share }));
    }),
  );
  return distinct(found.flat());
}

/** The addresses of a name, of either family. A host that has both is one host: then its IPv4 addresses count. */
async function addressesOf(resolver: Resolver, name: string): Promise<readonly string[]> {
  const four = await orNobody(resolver.resolve4(name));
  return four.length > 0 ? four : orNobody(resolver.resolve6(name));
}

async function orNobody<T>(asking: Promise<T[]>): Promise<T[]> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Error && "code" in error && NOBODY.has(String(error.code))) return [];
    throw error;
  }
}

function distinct(found: readonly Found[]): readonly Found[] {
  const byName = new Map(found.map((one) => [`${one.host}:${one.port}`, one]));
  const names = [...byName.keys()].toSorted();
  return names.slice(0, FOUND_MAX).map((name) => byName.get(name) as Found);
}
