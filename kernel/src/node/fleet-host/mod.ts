/** node/fleet-host: one process of a fleet: what a system gives to run as one, and how it runs. */
export { type FleetApp, type FleetProgram, type ServiceSecrets, type SettingsSource, defineFleet } from "./app.ts";
export { heardBy } from "./connections.ts";
export { runFleetHost } from "./run-host.ts";
export { type SharedOptions, openShared } from "./shared.ts";
