/**
 * The supervisor's end of the control socket. Only the owner of the fleet's folder can open it: whoever can, may do all.
 *
 * Across a crash: a socket file may stay behind, which nobody answers. Whoever has the folder's lock replaces it.
 */
import { rmSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { toFault } from "../../std/mod.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  LINE_BYTES_MAX,
  controlLine,
  controlRequest,
  parseControlLine,
  socketOf,
} from "./control-protocol.ts";
import { BadCommand, OtherProtocol } from "./faults.ts";
import type { FleetSnapshot } from "./rows.ts";
import type { Supervisor } from "./supervisor.ts";

const CONNECTIONS_MAX = 32;
/** A client that connects says at once what it wants. */
const REQUEST_MS = 5_000;

/** Listens for `isomer` until the fleet has stopped. */
export class ControlServer {
  readonly #supervisor: Supervisor;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answering = new Set<Promise<void>>();
  readonly #listeners = new Set<(text: string) => void>();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Opens the socket. To be called by whoever has the folder's lock, which is the supervisor that starts. */
  async listen(): Promise<void> {
    const path = socketOf(this.#supervisor.folder);
    rmSync(path, { force: true });
    // The file is made with these rights, so there is no moment in which others could connect.
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
  }

  /** Passes a sentence on to those who wait for a change. */
  say(text: string): void {
    for (const listener of this.#listeners) listener(text);
  }

  /** Answers what was asked, then closes the socket. To be called when the fleet has stopped: then answers come soon. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(this.#answering);
    for (const socket of this.#sockets) socket.end();
    await closed;
    rmSync(socketOf(this.#supervisor.folder), { force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = "";
    let isAsked = false;
    socket.setTimeout(REQUEST_MS, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (part: Buffer) => {
      if (isAsked) return;
      text += part.toString("utf8");
      if (text.length > LINE_BYTES_MAX) {
        socket.destroy();
        return;
      }
      const end = text.indexOf("\n");
      if (end === -1) return;
      isAsked = true;
      socket.setTimeout(0);
      const answering = this.#answer(socket, text.slice(0, end));
      this.#answering.add(answering);
      void answering.then(() => this.#answering.delete(answering));
    });
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    const send = (answer: ControlAnswer): void => void (socket.writable && socket.write(controlLine(answer)));
    const listener = (text: string): void => send({ say: text });
    try {
      const request = requestOf(line);
      if (request.do !== "ps") this.#listeners.add(listener);
      if (request.do === "ask") {
        const output = await this.#supervisor.asking.ask(request);
        send({ done: true, ...(output === undefined ? {} : { output }) });
        return;
      }
      const snapshot = await this.#carryOut(request);
      send({ done: true, ...(snapshot === undefined ? {} : { snapshot }) });
    } catch (error) {
      const { code, kind, message, data } = toFault(error).toJSON();
      send({ fault: { code, kind, message, data: data ?? null } });
    } finally {
      this.#listeners.delete(listener);
      socket.end();
    }
  }

  async #carryOut(request: Exclude<ControlRequest, { do: "ask" }>): Promise<FleetSnapshot | undefined> {
    const fleet = this.#supervisor;
    switch (request.do) {
      case "ps":
        return fleet.snapshot();
      case "stop":
        await fleet.stop();
        return undefined;
      case "restart":
        await fleet.changes.restart(request.name);
        return undefined;
      case "roll": {
        const { entry, label } = request;
        await fleet.changes.roll(request.name, {
          ...(entry === undefined ? {} : { entry }),
          ...(label === undefined ? {} : { label }),
        });
        return undefined;
      }
      case "scale":
        await fleet.changes.scale(request.name, request.replicas);
        return undefined;
      case "place":
        await fleet.changes.place(request.service, request.group);
        return undefined;
    }
  }
}

function requestOf(line: string): ControlRequest {
  let parsed: ReturnType<typeof parseControlLine>;
  try {
    parsed = parseControlLine(line);
  } catch (error) {
    throw BadCommand.with({ detail: "The fleet takes one line of JSON." }, { cause: error });
  }
  if (parsed.version !== CONTROL_VERSION) throw OtherProtocol.with({ ours: parsed.version, theirs: CONTROL_VERSION });
  return controlRequest.parse(parsed.body);
}
