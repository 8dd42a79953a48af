/** node/fleet: a local fleet: its processes and servers, the supervisor that looks after them, and how it is told what to do. */
export { systemClock } from "../clock.ts";
export { type Addresses, type Address, readAddresses } from "./addresses.ts";
export { askFleet, askProcesses } from "./control-client.ts";
export { CONTROL_VERSION, type ControlRequest, socketOf } from "./control-protocol.ts";
export { ControlServer } from "./control-server.ts";
export { type CredentialsWriter, type Engine, type FleetEngines, noEngines } from "./engine.ts";
export {
  BadCommand,
  ChangeUnderWay,
  FolderClosed,
  FolderUnusable,
  LetterUnknown,
  LettersLeft,
  NoAnswer,
  NoFleet,
  NoStreams,
  NotOwner,
  NotReady,
  OtherBuild,
  OtherProtocol,
  PlacementInvalid,
  PortTaken,
  QuestionRefused,
  ProgramMissing,
  ServerFailed,
  SupervisorSilent,
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
export {
  ANSWERS_QUESTIONS,
  type HostMessage,
  type HostStats,
  type SupervisorMessage,
  outcomeOf,
} from "./host-messages.ts";
export { entryAt, folderAt, makeFolder } from "./given-paths.ts";
export type { Build } from "./host-process.ts";
export type { InstanceLimits } from "./instance.ts";
export { endLeftovers, loggedInstances } from "./leftovers.ts";
export { type LogLine, LOG_BYTES_MAX, type ReadLogsOptions, readLogs } from "./log-files.ts";
export { type ReadPlacementOptions, readPlacement } from "./placement-file.ts";
export { GATEWAY, type PlacedGroup, type Placement, REPLICAS_MAX, defaultPlacement, gatewayUrls } from "./placement.ts";
export type { ProgramProtocol, ProgramSpec } from "./program.ts";
export type { FleetRow, FleetSnapshot } from "./rows.ts";
export { INSTANCE_LIMITS, Supervisor, type SupervisorOptions } from "./supervisor.ts";
export { type Terminal, endProcess, processTerminal } from "./terminal.ts";
