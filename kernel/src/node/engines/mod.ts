/** node/engines: servers that are started on this machine for a fleet or a test. */
export { type ProgramOptions, type RunningProgram, findProgram, freePort, startProgram, tailOf } from "./program.ts";
export { versionedFolders } from "./program.ts";
export { type PostgresOptions, type RunningPostgres, findPostgres, lastPortOf, startPostgres } from "./postgres.ts";
