/** node/engines: servers that are started on this machine for a fleet or a test. */
export { type ProgramOptions, type RunningProgram, findProgram, freePort, startProgram, tailOf } from "./program.ts";
export { versionedFolders } from "./program.ts";
export { type RedisServerOptions, type RunningRedis, startRedis } from "./redis.ts";
