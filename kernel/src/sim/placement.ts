/** Where services are placed in a run: a system must mean the same wherever its services are. */
import { type Random } from "../std/mod.ts";
import { between } from "./random.ts";

/** A machine and what runs on it. */
export interface Place {
  readonly machine: string;
  readonly services: readonly string[];
  /** Whether it takes requests of clients. */
  readonly isGateway: boolean;
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
