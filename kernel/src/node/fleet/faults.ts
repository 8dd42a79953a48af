/** The faults of a local fleet: what its operator can act on. */
import { type FaultType, defineFault } from "../../std/mod.ts";

/** The placement file cannot be used. Nothing was changed; mend what the sentence names. */
export const PlacementInvalid: FaultType<{ detail: string }> = defineFault({
  code: "fleet/placement-invalid",
  kind: "invalid",
  message: ({ detail }) => `The placement cannot be used: ${detail}`,
});

/** No fleet runs over the data folder. Start one, or name its folder with `--data`. */
export const NoFleet: FaultType<{ folder: string }> = defineFault({
  code: "fleet/not-running",
  kind: "unavailable",
  message: ({ folder }) => `No fleet runs in ${folder}. Start one with "isomer fleet", or name its folder with --data.`,
});

/** One change at a time: another is under way. Wait for its end, then repeat. */
export const ChangeUnderWay: FaultType<{ change: string }> = defineFault({
  code: "fleet/change-under-way",
  kind: "conflict",
  message: ({ change }) => `Another change is under way (${change}). Wait for its end, then repeat.`,
});

/** A name is neither a service, nor a group, nor an instance of this fleet. */
export const UnknownName: FaultType<{ name: string; known: readonly string[] }> = defineFault({
  code: "fleet/unknown-name",
  kind: "missing",
  message: ({ name, known }) => `The fleet has no "${name}". It has: ${known.join(", ")}.`,
});

/** A new instance did not become ready. The change was undone: the instances from before go on. */
export const NotReady: FaultType<{ instance: string; detail: string; logFile: string }> = defineFault({
  code: "fleet/not-ready",
  kind: "broken",
  message: ({ instance, detail, logFile }) =>
    `${instance} did not become ready: it ${detail}. What was there before goes on. See ${logFile}.`,
});

/** The command and the fleet are of different builds. Use the `isomer` of the build that the fleet was started with. */
export const OtherProtocol: FaultType<{ ours: number; theirs: number }> = defineFault({
  code: "fleet/other-protocol",
  kind: "conflict",
  message: ({ ours, theirs }) =>
    `The fleet speaks version ${theirs} of the control protocol, this command version ${ours}. Use the build that the fleet runs.`,
});

/** A command cannot be carried out as it was written. */
export const BadCommand: FaultType<{ detail: string }> = defineFault({
  code: "fleet/bad-command",
  kind: "invalid",
  message: ({ detail }) => detail,
});

/** A server that the fleet needs is not installed on this machine. */
export const ProgramMissing: FaultType<{ program: string; debianPackage: string }> = defineFault({
  code: "fleet/program-missing",
  kind: "unavailable",
  message: ({ program, debianPackage }) =>
    `${program} is not installed. On Debian and Ubuntu: apt-get install ${debianPackage}`,
});
