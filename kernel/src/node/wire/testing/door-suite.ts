/** What doors for services in other languages are held to, whatever is spoken there: strangers and peers take their share. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect as connectPlain } from "node:net";
import { after, describe, test } from "node:test";
import { type TLSSocket, connect } from "node:tls";
import { Metrics } from "../../../observe/mod.ts";
import { type WorkloadIdentity, serverNameOf } from "../../../security/mod.ts";
import { type Logger, silentLogger } from "../../../std/mod.ts";
import type { Envelope, Reply, Transport } from "../../../transport/mod.ts";
import type { DoorBounds } from "../mod.ts";
import { TRUST_DOMAIN, TestAuthority } from "./authority.ts";
import { envelopeOf, until } from "./bench.ts";

/** A server of `service/callee` that is open, and how it is called. */
export interface OpenDoor {
  readonly server: {
    readonly port: number;
    readonly load: { readonly connections: number; readonly handshakes: number };
    close(graceMs: number): Promise<void>;
  };
  /** Makes what carries calls to it. */
  connect(): Transport & { close(): void };
}

/** A door as the tests use it. */
interface TriedDoor {
  readonly port: number;
  readonly load: { readonly connections: number; readonly handshakes: number };
  /** Asks `callee.ask`, as somebody, on a connection of its own. */
  send(caller: string): Promise<Reply>;
}

/** What a door is opened with. */
export interface DoorParts {
  readonly identity: WorkloadIdentity;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly bounds: Partial<DoorBounds>;
  readonly handle: (envelope: Envelope) => Promise<Reply>;
}

/** A connection that says nothing, of nobody knows whom. */
function silentOne(port: number): Socket {
  const socket = connectPlain(port, "127.0.0.1");
  socket.on("error", () => {});
  return socket;
}

/** Holds a door to its bounds. `protocol` is what it speaks, by its name in ALPN. */
export function doorSuite(what: string, protocol: string, open: (parts: DoorParts) => Promise<OpenDoor>): void {
  const authority = new TestAuthority();
  after(() => authority.close());
  const identity = authority.identity("service/callee", "service/caller", "service/other");

  async function withDoor(bounds: Partial<DoorBounds>, run: (door: TriedDoor, told: Told) => Promise<void>) {
    const metrics = new Metrics();
    const lines: string[] = [];
    const line = (message: string): void => void lines.push(message);
    const log: Logger = { ...silentLogger, info: line, warn: line, with: () => log };
    const handle: DoorParts["handle"] = async () => ({ output: { ok: true }, replayed: false });
    const { server, connect: connectTo } = await open({ identity, log, metrics, bounds, handle });
    const transports: ReturnType<OpenDoor["connect"]>[] = [];
    const send = (caller: string): Promise<Reply> => {
      const transport = connectTo();
      transports.push(transport);
      return transport.send(envelopeOf({}, { operation: "ask", caller }));
    };
    try {
      const door = {
        port: server.port,
        get load() {
          return server.load;
        },
        send,
      };
      await run(door, { metrics, lines });
    } finally {
      for (const transport of transports) transport.close();
      await server.close(0);
    }
  }

  /** A connection of a peer that is let in, and says nothing. */
  async function peerAt(port: number, path: string): Promise<TLSSocket> {
    const { certificateChain: cert, privateKey: key, trustBundle: ca } = identity.credentials(path);
    const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" });
    const parts = { host: "127.0.0.1", port, servername, cert, key, ca, ALPNProtocols: [protocol] };
    const socket = connect({ ...parts, checkServerIdentity: () => undefined });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    return socket.resume();
  }

  void describe(what, () => {
    test("strangers who only connect take no place of a caller, and are told of with measure", async () => {
      await withDoor({ handshakesMax: 16, connectionsMax: 1 }, async (door, { metrics, lines }) => {
        const held = Array.from({ length: 120 }, () => silentOne(door.port));
        await Promise.all(held.map((socket) => once(socket, "connect")));
        assert.deepEqual((await door.send("caller")).output, { ok: true });
        const refused = metrics.counter("isomer.door.refused", "", ["door", "stage"]);
        await until(() => refused.with({ door: what, stage: "handshake" }).value >= 100);
        assert.equal(metrics.gauge("isomer.door.connections", "", ["door"]).with({ door: what }).value, 1);
        assert.ok(door.load.handshakes <= 16, String(door.load.handshakes));
        assert.ok(lines.length <= 50, String(lines.length));
        for (const socket of held) socket.destroy();
      });
    });

    test("a peer has so many connections and no more; others have theirs", async () => {
      await withDoor({ connectionsPerPeerMax: 2 }, async (door) => {
        const [first, second] = [await peerAt(door.port, "service/caller"), await peerAt(door.port, "service/caller")];
        await until(() => door.load.connections === 2);
        const third = await peerAt(door.port, "service/caller");
        if (!third.closed) await once(third, "close");
        assert.deepEqual((await door.send("other")).output, { ok: true });
        first.destroy();
        await until(() => door.load.connections === 2);
        assert.deepEqual((await door.send("caller")).output, { ok: true });
        second.destroy();
      });
    });
  });
}

interface Told {
  readonly metrics: Metrics;
  readonly lines: readonly string[];
}
