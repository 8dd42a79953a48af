/** node/contracts: snapshots of contracts in files, and the command that compares them. */
export { type CommandResult, contractDiff } from "./diff-command.ts";
export { readLock, readSnapshots, snapshotText, writeProtos, writeSnapshots } from "./files.ts";
