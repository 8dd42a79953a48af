/** cli: the `isomer` command, over the ports that `node` gives it. */
export { type FleetSystem, type IsomerOptions, isomer } from "./isomer.ts";
export { type FleetMainOptions, fleetMain } from "./fleet-main.ts";
