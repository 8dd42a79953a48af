/** node/fleet: a local fleet: its processes and servers, the supervisor that looks after them, and how it is told what to do. */
export { systemClock } from "../clock.ts";
export { askFleet } from "./control-client.ts";
export { CONTROL_VERSION, type ControlRequest, socketOf } from "./control-protocol.ts";
export { ControlServer } from "./control-server.ts";
export { type CredentialsWriter, type Engine, type FleetEngines, noEngines } from "./engine.ts";
export {
  BadCommand,
  ChangeUnderWay,
  NoFleet,
  NotReady,
  OtherProtocol,
  PlacementInvalid,
  ProgramMissing,
  UnknownName,
} from "./faults.ts";
export {
  FLEET_FILE_SCHEMAS,
  type FleetFile,
  type InstanceFile,
  fleetPaths,
  readFleetFile,
  readInstanceFile,
  replaceFile,
} from "./fleet-file.ts";
export type { HostMessage, HostStats, SupervisorMessage } from "./host-messages.ts";
export type { Build } from "./host-process.ts";
export type { InstanceLimits } from "./instance.ts";
export { type LogLine, LOG_BYTES_MAX, type ReadLogsOptions, readLogs } from "./log-files.ts";
export { readPlacement } from "./placement-file.ts";
export { GATEWAY, type PlacedGroup, type Placement, REPLICAS_MAX, defaultPlacement, gatewayUrls } from "./placement.ts";
export type { FleetRow, FleetSnapshot } from "./rows.ts";
export { INSTANCE_LIMITS, Supervisor, type SupervisorOptions } from "./supervisor.ts";
export { type Terminal, processTerminal } from "./terminal.ts";
