/** Which instances a caller uses: decisions about what a registry says. */
import { hash32, rank } from "../guard/mod.ts";
import type { Link } from "./fleet-link.ts";
import type { Instance } from "./registry.ts";

/** To how many instances of a service one caller connects. */
export const INSTANCES_MAX = 64;

/** The instances that a caller uses: all, or as many as the bound, other ones for each caller. */
export function chosenInstances(instances: readonly Instance[], client: string): readonly Instance[] {
  if (instances.length <= INSTANCES_MAX) return instances;
  const clientHash = hash32(client);
  const wanted = (instance: Instance): number => rank(clientHash, hash32(instance.id), 1);
  return instances.toSorted((a, b) => wanted(b) - wanted(a)).slice(0, INSTANCES_MAX);
}

/**
 * Of the instances that a registry does not name any more, those that are used on. When more than half of all that answer
 * are missing at once, it is likelier that the registry lost them than that they are gone: they are kept as long as they
 * answer. A process that ends says so on its channel, and one that died breaks it.
 */
export function missingToKeep(
  links: readonly Pick<Link, "instance" | "state">[],
  listed: ReadonlyMap<string, Instance>,
): ReadonlySet<string> {
  const answering = links.filter(({ state, instance }) => state === "ready" && instance.health === "ready");
  const missing = answering.filter(({ instance }) => !listed.has(instance.id));
  return missing.length * 2 > answering.length ? new Set(missing.map(({ instance }) => instance.id)) : new Set();
}
