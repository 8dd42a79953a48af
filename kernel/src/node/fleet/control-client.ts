/** The command's end of the control socket. */
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { Invalid, pruner } from "../../schema/mod.ts";
import {
  ANSWER,
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  REQUEST,
  controlAnswer,
  controlLine,
  controlRequest,
  faultOf,
  parseControlLine,
  socketOf,
} from "./control-protocol.ts";
import { NoFleet, NotOwner, OtherBuild, OtherProtocol, SupervisorSilent } from "./faults.ts";
import type { FleetSnapshot } from "./rows.ts";

/**
 * Asks the fleet of a folder to do something, and resolves when it is done; `say` hears how it goes.
 * @throws {NoFleet} when none runs there, or it ended before it answered; {NotOwner}; {SupervisorSilent}; {OtherProtocol} or
 *   {OtherBuild} when the two do not understand one another; what the fleet throws.
 */
export async function askFleet(
  folder: string,
  request: ControlRequest,
  say?: (text: string) => void,
): Promise<FleetSnapshot | undefined> {
  return (await askLines(folder, request, say)).snapshot;
}

/** Asks what the fleet's processes know, or has one of them do something; resolves to its answer. @throws as {@link askFleet}. */
export async function askProcesses(
  folder: string,
  question: Omit<Extract<ControlRequest, { do: "ask" }>, "do">,
  say?: (text: string) => void,
): Promise<unknown> {
  return (await askLines(folder, { do: "ask", ...question }, say)).output;
}

/** What a supervisor of a newer build adds is left out. */
const known = pruner(ANSWER);

type Done = Extract<ControlAnswer, { done: true }>;

/** How long a supervisor may take to say what runs, in milliseconds: it knows without looking. */
const SILENT_MS = 5_000;

/** A change takes as long as it takes. So it is asked first whether anybody is there who would say when it is done. */
async function askLines(folder: string, request: ControlRequest, say?: (text: string) => void): Promise<Done> {
  if (request.do !== "ps") await askOnce(folder, { do: "ps" });
  return askOnce(folder, request, say);
}

async function askOnce(
  folder: string,
  request: ControlRequest,
  say: (text: string) => void = () => undefined,
): Promise<Done> {
  const socket = createConnection(socketOf(folder));
  const gone = NoFleet.with({ folder });
  const failed = new Promise<never>((_, reject) => {
    // Whether one runs there nobody else can see.
    const isClosed = ({ code }: NodeJS.ErrnoException): boolean => code === "EACCES" || code === "EPERM";
    socket.once("error", (error) => reject(isClosed(error) ? NotOwner.with({ folder }) : gone));
    if (request.do === "ps") socket.setTimeout(SILENT_MS, () => reject(SupervisorSilent.with({ folder })));
  });
  failed.catch(() => undefined);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  socket.write(controlLine(request));
  try {
    for (;;) {
      const { value, done } = await Promise.race([lines.next(), failed]);
      if (done === true) throw gone;
      const { version, body } = parseControlLine(value);
      if (version !== CONTROL_VERSION) throw OtherProtocol.with({ ours: CONTROL_VERSION, theirs: version });
      const answer = known(body);
      if (!controlAnswer.check(answer)) throw OtherBuild.with({ what: nameOf(request) });
      if ("say" in answer) say(answer.say);
      else if ("fault" in answer)
        throw isUnknown(request, answer) ? OtherBuild.with({ what: nameOf(request) }) : faultOf(answer);
      else return answer;
    }
  } finally {
    socket.destroy();
  }
}

/** What this build understands and the supervisor does not is what the supervisor's build does not know. */
function isUnknown(request: ControlRequest, { fault }: Extract<ControlAnswer, { fault: unknown }>): boolean {
  const { what } = (fault.data ?? {}) as { readonly what?: unknown };
  return fault.code === Invalid.code && what === REQUEST && controlRequest.check(request);
}

function nameOf(request: ControlRequest): string {
  return request.do === "ask" ? request.operation : request.do;
}
