/** node/fleet: a local fleet: its processes and servers, and the supervisor that looks after them. */
export { INSTANCE_LIMITS, Supervisor, type SupervisorOptions } from "./supervisor.ts";
