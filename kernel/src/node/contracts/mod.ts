/** node/contracts: snapshots of contracts in files, and the command that compares them. */
export { CALLED_WRONGLY, type CommandResult, contractCommand, contractDiff } from "./diff-command.ts";
export { readLock, readSnapshots, snapshotText, writeProtos, writeSnapshots } from "./files.ts";
