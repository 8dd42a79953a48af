/** The command's end of the control socket. */
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import {
  CONTROL_VERSION,
  type ControlRequest,
  controlAnswer,
  controlLine,
  faultOf,
  parseControlLine,
  socketOf,
} from "./control-protocol.ts";
import { NoFleet, OtherProtocol } from "./faults.ts";
import type { FleetSnapshot } from "./rows.ts";

/**
 * Asks the fleet of a folder to do something, and resolves when it is done; `say` hears how it goes.
 * @throws {NoFleet} when none runs there, or it ended before it answered; {OtherProtocol}; what the fleet throws.
 */
export async function askFleet(
  folder: string,
  request: ControlRequest,
  say: (text: string) => void = () => undefined,
): Promise<FleetSnapshot | undefined> {
  const socket = createConnection(socketOf(folder));
  const gone = NoFleet.with({ folder });
  const failed = new Promise<never>((_, reject) => socket.once("error", () => reject(gone)));
  failed.catch(() => undefined);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  socket.write(controlLine(request));
  try {
    for (;;) {
      const { value, done } = await Promise.race([lines.next(), failed]);
      if (done === true) throw gone;
      const { version, body } = parseControlLine(value);
      if (version !== CONTROL_VERSION) throw OtherProtocol.with({ ours: CONTROL_VERSION, theirs: version });
      const answer = controlAnswer.parse(body);
      if ("say" in answer) say(answer.say);
      else if ("fault" in answer) throw faultOf(answer);
      else return answer.snapshot;
    }
  } finally {
    socket.destroy();
  }
}
