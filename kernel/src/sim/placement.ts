/** Where services are placed in a run: a system must mean the same wherever its services are. */
import { type Random } from "../std/mod.ts";
import { between } from "./random.ts";

/** A machine and what runs on it. */
export interface Place {
  readonly machine: string;
  readonly services: readonly string[];
  /** Whether it takes requests of clients. */
  readonly isGateway: boolean;
  /** Whether another machine runs the same services, on the same databases. */
  readonly isReplica?: boolean;
}

/** How services are placed: on one machine, in some groups, or each apart; drawn for each seed unless said. */
export type PlacementStyle = "together" | "grouped" | "apart";

const GATEWAYS = ["gateway-1", "gateway-2"];

/** Draws a placement. Half of all runs have every service apart: most can go wrong there. */
export function drawPlacement(services: readonly string[], random: Random, style?: PlacementStyle): readonly Place[] {
  const chance = random.next();
  const drawn = style ?? (chance < 0.55 ? "apart" : chance < 0.9 ? "grouped" : "together");
  const gateways = GATEWAYS.map((machine) => ({ machine, services: [], isGateway: true }));
  if (drawn === "together") return [{ machine: "host", services, isGateway: true }];
  if (drawn === "apart") {
    return [...services.map((service) => ({ machine: service, services: [service], isGateway: false })), ...gateways];
  }
  const groups = Array.from({ length: between(random, 2, 5) }, (): string[] => []);
  for (const service of services) groups[Math.floor(random.next() * groups.length)]?.push(service);
  const hosts = groups.map((group, n) => ({ machine: `host-${n + 1}`, services: group, isGateway: false }));
  return [...hosts.filter((host) => host.services.length > 0), ...gateways];
}

const REPLICAS = ["a", "b", "c"];

/** Has what some machines run on two of them, seldom on three; on one at least. */
export function replicated(places: readonly Place[], random: Random): readonly Place[] {
  const drawn = places.map((place) => ({ place, isChosen: random.next() < 0.5, count: random.next() < 0.15 ? 3 : 2 }));
  const able = drawn.filter(({ place }) => place.services.length > 0);
  const chosen = able.some(({ isChosen }) => isChosen) ? able.filter(({ isChosen }) => isChosen) : able.slice(0, 1);
  return drawn.flatMap((one) => {
    const { place, count } = one;
    if (!chosen.includes(one)) return [place];
    return REPLICAS.slice(0, count).map((name) => ({ ...place, machine: `${place.machine}-${name}`, isReplica: true }));
  });
}
