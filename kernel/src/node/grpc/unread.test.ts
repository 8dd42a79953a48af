/** Connections over gRPC whose peers neither read nor close them: they are over all the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, after, test } from "node:test";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { NO_LOCK, anyone, contract, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { t } from "../../schema/mod.ts";
import { serverNameOf } from "../../security/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { TRUST_DOMAIN, TestAuthority } from "../wire/testing/authority.ts";
import { until } from "../wire/testing/bench.ts";
import { framed } from "./frames.ts";
import { GrpcServer, grpcMethods } from "./mod.ts";

const callee = contract("callee", {
  version: "1.0.0",
  queries: { ask: query({ input: t.object({}), output: t.object({ text: t.text() }), allow: [anyone] }) },
});
const { lock } = protoOf(snapshotOf(callee), NO_LOCK);
const authority = new TestAuthority();
after(() => authority.close());
const MUCH = "x".repeat(4_000_000);

const HEADERS = 1;
const SETTINGS = 4;
const WINDOW_UPDATE = 8;
const END_HEADERS = 4;
const WINDOW_MAX = 2 ** 31 - 1;

/** A frame of HTTP/2 (RFC 9113 §4.1). */
function frameOf(type: number, flags: number, id: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}

/** Headers as literals without indexing (RFC 7541 §6.2.2). */
function literals(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** What a client begins with that takes whatever it is sent. */
function beginning(): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(4, 0);
  settings.writeUInt32BE(WINDOW_MAX, 2);
  const more = Buffer.alloc(4);
  more.writeUInt32BE(WINDOW_MAX - 65_535);
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  return Buffer.concat([preface, frameOf(SETTINGS, 0, 0, settings), frameOf(WINDOW_UPDATE, 0, 0, more)]);
}

async function serve(context: TestContext) {
  const identity = authority.identity("service/callee", "service/caller");
  const clock = new ManualClock(Date.now());
  const metrics = new Metrics();
  const server = await GrpcServer.listen({
    ...{ identity, clock, log: silentLogger, metrics, paths: ["service/callee"], methods: grpcMethods(callee, lock) },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
    handle: async () => ({ output: { text: MUCH }, replayed: false }),
  });
  const sockets: TLSSocket[] = [];
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close(0);
  });
  const client = async (): Promise<TLSSocket> => {
    const { certificateChain: cert, privateKey: key, trustBundle: ca } = identity.credentials("service/caller");
    const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" });
    const parts = { host: "127.0.0.1", port: server.port, servername, cert, key, ca, ALPNProtocols: ["h2"] };
    // The types do not know that TLS may be half open, too.
    const options = { ...parts, checkServerIdentity: () => undefined, allowHalfOpen: true };
    const socket = connect(options as ConnectionOptions);
    socket.on("error", () => {});
    sockets.push(socket);
    await once(socket, "secureConnect");
    socket.write(beginning());
    return socket;
  };
  const held = () =>
    metrics.gauge("isomer.door.held", "", ["door", "what"]).with({ door: "grpc", what: "outputs" }).value;
  return { identity, clock, server, client, held };
}

test("a peer that reads nothing of many answers is cut, and with it what waits for it", async (context) => {
  const { clock, server, client, held } = await serve(context);
  const socket = await client();
  socket.pause();
  const headers = literals({
    ...{ ":method": "POST", ":scheme": "https", ":path": "/isomer.callee.v1.Callee/Ask", ":authority": "callee" },
    ...{ "content-type": "application/grpc", te: "trailers", "grpc-timeout": "60S", "isomer-caller": "caller" },
  });
  for (let id = 1; id < 16; id += 2)
    socket.write(
      Buffer.concat([frameOf(HEADERS, END_HEADERS, id, headers), frameOf(0, 1, id, framed(Buffer.alloc(0)))]),
    );
  await until(() => held() > 8 * 4_000_000);
  await clock.advance(40_000);
  await until(() => server.load.connections === 0);
  assert.equal(held(), 0);
});

test("a peer that does not close its end is cut when the certificates are over", async (context) => {
  const { identity, clock, server, client } = await serve(context);
  identity.rotate("service/caller", authority.issue("service/caller", 25_000));
  const socket = await client();
  const ended = once(socket.resume(), "end");
  await until(() => server.load.connections === 1);
  await clock.advance(21_000);
  await ended;
  await clock.advance(5_000);
  await until(() => server.load.connections === 0);
});
