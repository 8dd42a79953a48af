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

/** The fleet's folder is another user's. Ask as the user who started the fleet: nobody else may tell it what to do. */
export const NotOwner: FaultType<{ folder: string }> = defineFault({
  code: "fleet/not-owner",
  kind: "denied",
  message: ({ folder }) =>
    `This user may not look after a fleet in ${folder}: only the one who started it may. Ask as that user.`,
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
  message: ({ name, known }) =>
    `The fleet has no "${name}".${known.length === 0 ? "" : ` It has: ${known.join(", ")}.`}`,
});

/** A new instance did not become ready. The change was undone: the instances from before go on. */
export const NotReady: FaultType<{ instance: string; detail: string; logFile: string }> = defineFault({
  code: "fleet/not-ready",
  kind: "broken",
  message: ({ instance, detail, logFile }) =>
    `${instance} did not become ready: it ${detail}. What was there before goes on. Why: isomer logs ${instance}, ` +
    `or ${logFile}.`,
});

/** The command and the fleet are of different builds. Use the `isomer` of the build that the fleet was started with. */
export const OtherProtocol: FaultType<{ ours: number; theirs: number }> = defineFault({
  code: "fleet/other-protocol",
  kind: "conflict",
  message: ({ ours, theirs }) =>
    `The fleet speaks version ${theirs} of the control protocol, this command version ${ours}. Use the build that the fleet runs.`,
});

/**
 * The fleet's supervisor was started from an older build than whoever asks it, and does not know what it is asked. Nothing
 * was done. Start the fleet again with the build that its processes run: a roll replaces processes, never the supervisor.
 */
export const OtherBuild: FaultType<{ what: string }> = defineFault({
  code: "fleet/other-build",
  kind: "conflict",
  message: ({ what }) =>
    `The fleet's supervisor is of another build, and does not know "${what}". Nothing was done. Start the fleet again, ` +
    `with the build that its processes run: a roll does not replace its supervisor.`,
});

/** The supervisor has the folder and does not answer: it is stopped, or stuck. Its processes go on without it. */
export const SupervisorSilent: FaultType<{ folder: string }> = defineFault({
  code: "fleet/supervisor-silent",
  kind: "unavailable",
  message: ({ folder }) =>
    `The supervisor of the fleet in ${folder} does not answer. What it runs goes on. Look whether it is stopped (kill ` +
    `-CONT), or end it with kill -9 and start the fleet again.`,
});

/** A port of a gateway is taken, so that requests would come to somebody else. End that program, or take another port. */
export const PortTaken: FaultType<{ port: number }> = defineFault({
  code: "fleet/port-taken",
  kind: "conflict",
  message: ({ port }) =>
    `Port ${port}, which a gateway is to listen on, is taken by another program. End that one, or take another port: ` +
    `isomer fleet --port <n>.`,
});

/** A server that the fleet needs did not start. Nothing runs; mend what it says. */
export const ServerFailed: FaultType<{ server: string; detail: string }> = defineFault({
  code: "fleet/server-failed",
  kind: "unavailable",
  message: ({ server, detail }) => `${server} did not start: ${detail}`,
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

/** As root, PostgreSQL runs as the user `postgres`, who cannot get to the fleet's folder. Choose another, or let others pass. */
export const FolderClosed: FaultType<{ folder: string }> = defineFault({
  code: "fleet/folder-closed",
  kind: "conflict",
  message: ({ folder }) =>
    `PostgreSQL does not run as root, and the user postgres may not pass ${folder}. Choose another folder for the fleet ` +
    `with --data, or let others pass: chmod o+x ${folder}`,
});

/** A process does not answer its supervisor: it starts, ends, or hangs. What was asked may have happened. */
export const NoAnswer: FaultType<{ instance: string }> = defineFault({
  code: "fleet/no-answer",
  kind: "unavailable",
  message: ({ instance }) => `${instance} does not answer. Look at "isomer ps", and repeat when it is ready.`,
});

/** Some dead letters are still there: their handlers failed again, or nobody answered. The rest of what was asked is done. */
export const LettersLeft: FaultType<{ summary: string }> = defineFault({
  code: "fleet/letters-left",
  kind: "conflict",
  message: ({ summary }) =>
    `${summary}\nMend what the reasons say, and repeat it; "isomer discard <event>" gives one up, and its key goes on.`,
});

/** No dead letter is of that event: it was handled or thrown away meanwhile, or is named otherwise. */
export const LetterUnknown: FaultType<{ event: string; known: readonly string[] }> = defineFault({
  code: "fleet/letter-unknown",
  kind: "missing",
  message: ({ event, known }) =>
    `There is no dead letter of an event "${event}". ${known.length === 0 ? "There are none." : `There are: ${known.join(", ")}.`}`,
});

/** The fleet's folder cannot be made, or nothing can be kept in it. Name another with `--data`, or mend what it says. */
export const FolderUnusable: FaultType<{ folder: string; detail: string }> = defineFault({
  code: "fleet/folder-unusable",
  kind: "conflict",
  message: ({ folder, detail }) =>
    `The fleet cannot keep anything in ${folder}: ${detail}. Name another folder with --data.`,
});

/** A process asks of the whole fleet what only the one with the operator's service may ask. */
export const QuestionRefused: FaultType<{ operation: string }> = defineFault({
  code: "fleet/question-refused",
  kind: "denied",
  message: ({ operation }) => `Only the process with the operator's service may ask the fleet for "${operation}".`,
});

/** The fleet has no broker whose streams could be sent again. */
export const NoStreams: FaultType<undefined> = defineFault({
  code: "fleet/no-streams",
  kind: "missing",
  message: () => "This fleet has no broker that keeps streams: there is nothing to rewind.",
});
