/** node/local-fleet: a fleet on one machine: its servers, its authority, its secrets. */
export { localCredentials } from "./credentials.ts";
export { type LocalEnginesOptions, localEngines } from "./engines.ts";
export { passwordsOf } from "./passwords.ts";
export { programsOf } from "./programs.ts";
