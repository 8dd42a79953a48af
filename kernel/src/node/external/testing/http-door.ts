/** A server over HTTP, and peers that do with their connections as they like. */
import { once } from "node:events";
import type { TestContext } from "node:test";
import { type TLSSocket, connect } from "node:tls";
import { Metrics } from "../../../observe/mod.ts";
import { type WorkloadIdentity, serverNameOf } from "../../../security/mod.ts";
import { type Logger, silentLogger } from "../../../std/mod.ts";
import { ManualClock } from "../../../std/testing/manual-clock.ts";
import { PeerRefused } from "../../../transport/mod.ts";
import { TRUST_DOMAIN } from "../../wire/testing/authority.ts";
import { HttpServer, type HttpServerOptions } from "../mod.ts";

/** What a door is opened with. */
export interface HttpDoorParts {
  /** Of `service/callee`, `service/caller` and `service/other`. */
  readonly identity: WorkloadIdentity;
  readonly handle: HttpServerOptions["handle"];
  readonly log?: Logger;
}

/** What one peer has asked, on a connection of its own. */
export interface Asked {
  readonly socket: TLSSocket;
  /** What was answered, when somebody listens. */
  said: string;
  isClosed: boolean;
}

/** A server that is open. */
export interface HttpDoor {
  readonly server: HttpServer;
  readonly clock: ManualClock;
  /** How many bytes are held for peers: `inputs`, `outputs`. */
  held(what: string): number;
  /** Begins a call of `callee.ask`; its body of so many bytes is for the test to send. */
  ask(caller: string, bytes: number, path?: string): Promise<Asked>;
}

/** The head of a call of `callee.ask`. */
export function headOf(caller: string, bytes: number): string {
  const head = `POST /callee/ask HTTP/1.1\r\nhost: x\r\nisomer-deadline-ms: 60000\r\nisomer-caller: ${caller}\r\n`;
  return `${head}content-length: ${bytes}\r\n\r\n`;
}

/** Keeps what is answered. */
export function listen(asked: Asked): Asked {
  asked.socket.on("data", (chunk: Buffer) => (asked.said += chunk.toString("latin1")));
  return asked;
}

/** Opens a door; it is closed with the test. Everybody is let in but `stranger`. */
export async function openHttpDoor(context: TestContext, parts: HttpDoorParts): Promise<HttpDoor> {
  const { identity, handle, log = silentLogger } = parts;
  const clock = new ManualClock(Date.now());
  const metrics = new Metrics();
  const server = await HttpServer.listen({
    ...{ identity, clock, log, metrics, handle, paths: ["service/callee"] },
    admit({ userToken: _, ...call }, peer) {
      if (call.caller === "stranger") throw PeerRefused.with({ peer, operation: "callee.ask", reason: "it may not" });
      return { ...call, identity: undefined, peer };
    },
  });
  const sockets: TLSSocket[] = [];
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close(0);
  });
  return {
    ...{ server, clock },
    held: (what) => metrics.gauge("isomer.door.held", "", ["door", "what"]).with({ door: "http", what }).value,
    async ask(caller, bytes, path = "service/caller") {
      const { certificateChain: cert, privateKey: key, trustBundle: ca } = identity.credentials(path);
      const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" });
      const options = { host: "127.0.0.1", port: server.port, servername, cert, key, ca };
      const socket = connect({ ...options, checkServerIdentity: () => undefined });
      socket.on("error", () => {});
      sockets.push(socket);
      await once(socket, "secureConnect");
      const asked: Asked = { socket, said: "", isClosed: false };
      socket.on("close", () => (asked.isClosed = true));
      socket.write(headOf(caller, bytes));
      return asked;
    },
  };
}
