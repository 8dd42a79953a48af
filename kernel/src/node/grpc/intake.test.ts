/** Messages over gRPC: who is not let in sends none, who is sends no more than there is room for, and in time. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
  connect as connectHttp2,
} from "node:http2";
import { connect } from "node:tls";
import { gzipSync } from "node:zlib";
import { type TestContext, after, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { NO_LOCK, anyone, contract, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { t } from "../../schema/mod.ts";
import { serverNameOf } from "../../security/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import { type Envelope, PeerRefused } from "../../transport/mod.ts";
import { TRUST_DOMAIN, TestAuthority } from "../wire/testing/authority.ts";
import { CALL_BYTES } from "../wire/mod.ts";
import { until } from "../wire/testing/bench.ts";
import { framed } from "./frames.ts";
import { GrpcServer, type GrpcServerOptions, grpcMethods } from "./mod.ts";
import { DETAILS, faultIn } from "./status.ts";

const callee = contract("callee", {
  version: "1.0.0",
  queries: {
    ask: query({ input: t.object({ text: t.text() }), output: t.object({ text: t.text() }), allow: [anyone] }),
  },
});
const { lock } = protoOf(snapshotOf(callee), NO_LOCK);
const [METHOD = assert.fail("there is no method")] = grpcMethods(callee, lock);
const authority = new TestAuthority();
after(() => authority.close());
const identity = authority.identity("service/callee", "service/caller", "service/other");
/** All but the end of a message that is nearly as large as any may be. */
const HALF = framed(Buffer.alloc(4_000_000)).subarray(0, -1);
const MUCH = "x".repeat(4_000_000);

interface Served {
  readonly clock: ManualClock;
  readonly asked: string[];
  readonly calls: Envelope[];
  /** Ends the calls whose text is `wait`. */
  finish(): void;
  /** How many bytes are held for peers. */
  held(what?: "inputs" | "outputs"): number;
  client(path?: string): Promise<ClientHttp2Session>;
}

async function serve(context: TestContext, mayCall = true): Promise<Served> {
  const clock = new ManualClock(Date.now());
  const metrics = new Metrics();
  const [asked, calls]: [string[], Envelope[]] = [[], []];
  const { promise: waiting, resolve: finish } = Promise.withResolvers<void>();
  const admit: GrpcServerOptions["admit"] = ({ userToken: _, ...call }, peer) => {
    asked.push(peer);
    if (!mayCall) throw PeerRefused.with({ peer, operation: "callee.ask", reason: "it may not" });
    return { ...call, identity: undefined, peer };
  };
  const server = await GrpcServer.listen({
    ...{ identity, clock, log: silentLogger, metrics, paths: ["service/callee"], methods: [METHOD], admit },
    async handle(envelope) {
      calls.push(envelope);
      const { text } = envelope.input as { text: string };
      if (text === "wait") await waiting;
      return { output: { text: text === "much" ? MUCH : "" }, replayed: false };
    },
  });
  const clients: ClientHttp2Session[] = [];
  context.after(async () => {
    for (const client of clients) client.destroy();
    await server.close(0);
  });
  return {
    ...{ clock, asked, calls, finish },
    held: (what = "inputs") =>
      metrics.gauge("isomer.door.held", "", ["door", "what"]).with({ door: "grpc", what }).value,
    async client(path = "service/caller") {
      const { certificateChain: cert, privateKey: key, trustBundle: ca } = identity.credentials(path);
      const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/callee" });
      const parts = { host: "127.0.0.1", port: server.port, servername, cert, key, ca, ALPNProtocols: ["h2"] };
      const socket = connect({ ...parts, checkServerIdentity: () => undefined });
      await once(socket, "secureConnect");
      const client = connectHttp2(`https://${servername}`, {
        createConnection: () => socket,
        // It would refuse answers for what it has not yet sent.
        maxSessionMemory: 1_000,
      });
      client.on("error", () => {});
      clients.push(client);
      return client;
    },
  };
}

interface Begun {
  readonly stream: ClientHttp2Stream;
  /** The status, and the fault's code when there is one. */
  readonly ended: Promise<readonly [status: number, code: string | undefined]>;
}

/** Begins a call; what is its message is for the test to say. */
function begin(client: ClientHttp2Session, more: OutgoingHttpHeaders = {}, isRead = true): Begun {
  const stream = client.request({
    ...{ ":method": "POST", ":path": METHOD.path, "content-type": "application/grpc", te: "trailers" },
    ...{ "grpc-timeout": "60S", "isomer-caller": "caller", ...more },
  });
  stream.on("error", () => {});
  if (isRead) stream.resume();
  const ended = new Promise<readonly [number, string | undefined]>((resolve) => {
    const look = (headers: { readonly [name: string]: unknown }): void => {
      if (headers["grpc-status"] === undefined) return;
      const details = headers[DETAILS];
      const fault = typeof details === "string" ? faultIn(Buffer.from(details, "base64")) : undefined;
      resolve([Number(headers["grpc-status"]), fault?.code]);
    };
    stream.on("response", look);
    stream.on("trailers", look);
  });
  return { stream, ended };
}

test("who may not call is told so by the headers, and nothing of the message is taken in", async (context) => {
  const { client, asked, held } = await serve(context, false);
  const session = await client();
  const begun = Array.from({ length: 40 }, () => begin(session));
  for (const { stream } of begun) stream.write(HALF);
  for (const { ended } of begun) assert.deepEqual(await ended, [status.PERMISSION_DENIED, PeerRefused.code]);
  assert.equal(asked.length, 40);
  assert.equal(held(), 0);
});

test("a peer whose messages do not end is held to its bytes; others call as before", async (context) => {
  const { client, clock, held, calls } = await serve(context);
  const session = await client();
  const begun = Array.from({ length: 20 }, () => begin(session));
  const refused: (readonly [number, string | undefined])[] = [];
  for (const { ended } of begun) void ended.then((end) => refused.push(end));
  for (const { stream } of begun) stream.write(HALF);
  // 64 MiB are 16 messages of this size.
  await until(() => refused.length === 4);
  assert.deepEqual(refused, Array(4).fill([status.UNAVAILABLE, "transport/not-started"]));
  assert.equal(held(), 16 * (4_000_000 + CALL_BYTES));
  const other = begin(await client("service/other"), { "isomer-caller": "other" });
  other.stream.end(framed(METHOD.input.write({ text: "four" })));
  assert.deepEqual(await other.ended, [status.OK, undefined]);
  await clock.advance(20_000);
  for (const { ended } of begun) assert.deepEqual(await ended, [status.UNAVAILABLE, "transport/not-started"]);
  await until(() => held() === 0);
  assert.equal(calls.length, 1);
});

test("who leaves too many answers unread gets no more of them; others do, and none waits for long", async (context) => {
  const { client, clock, held } = await serve(context);
  const session = await client();
  const much = framed(METHOD.input.write({ text: "much" }));
  // 128 MiB are 33 answers of this size.
  for (let n = 1; n <= 33; n += 1) {
    begin(session, {}, false).stream.end(much);
    await until(() => held("outputs") > 4_000_000 * n);
  }
  const more = begin(session);
  more.stream.end(much);
  assert.deepEqual(await more.ended, [status.UNAVAILABLE, "wire/reply-dropped"]);
  const other = begin(await client("service/other"), { "isomer-caller": "other" });
  other.stream.end(much);
  assert.deepEqual(await other.ended, [status.OK, undefined]);
  await clock.advance(20_000);
  await until(() => held("outputs") === 0);
});

test("what its peer gives up is not held any longer", async (context) => {
  const { client, held } = await serve(context);
  const { stream } = begin(await client());
  stream.write(HALF);
  await until(() => held() === 4_000_000 + CALL_BYTES);
  stream.close(8);
  await until(() => held() === 0);
});

test("a call holds room until it has ended, however short it is, though its caller resets it", async (context) => {
  const { client, held, calls, finish } = await serve(context);
  const session = await client();
  for (let n = 1; n <= 10; n += 1) {
    const { stream } = begin(session);
    stream.end(framed(METHOD.input.write({ text: "wait" })));
    await until(() => calls.length === n);
    stream.close(8);
    await once(stream, "close");
  }
  await until(() => calls.every(({ signal }) => signal?.aborted === true));
  assert.ok(held() >= 10 * CALL_BYTES, String(held()));
  finish();
  await until(() => held() === 0);
});

test("a call ends at its deadline, though its message does not", async (context) => {
  const { client, clock, asked } = await serve(context);
  const { ended } = begin(await client(), { "grpc-timeout": "1500m" });
  await until(() => asked.length === 1);
  await clock.advance(1_500);
  assert.deepEqual(await ended, [status.DEADLINE_EXCEEDED, "kernel/deadline-exceeded"]);
});

const whole = framed(METHOD.input.write({ text: "x".repeat(1_000) }));
const squeezed = (bytes: Buffer): Buffer => {
  const frame = framed(gzipSync(bytes));
  frame.writeUInt8(1, 0);
  return frame;
};

for (const [what, frame, headers, end] of [
  ["in pieces of one byte", whole, {}, [status.OK, undefined]],
  ["compressed", squeezed(whole.subarray(5)), { "grpc-encoding": "gzip" }, [status.OK, undefined]],
  ["that grows too large", squeezed(Buffer.alloc(5_000_000)), { "grpc-encoding": "gzip" }, undefined],
  ["compressed by what nobody knows", squeezed(whole.subarray(5)), { "grpc-encoding": "br" }, undefined],
  ["that is too large", Buffer.of(0, 0xff, 0, 0, 0), {}, undefined],
  ["that is not whole", whole.subarray(0, -1), {}, undefined],
  ["and another", Buffer.concat([whole, whole]), {}, undefined],
  ["that is none", Buffer.alloc(0), {}, undefined],
] as const)
  test(`a message ${what} is ${end === undefined ? "refused" : "taken in"}`, async (context) => {
    const { client, held } = await serve(context);
    const { stream, ended } = begin(await client(), headers);
    if (what === "in pieces of one byte") for (const byte of frame) stream.write(Buffer.of(byte));
    else stream.write(frame);
    stream.end();
    assert.deepEqual(await ended, end ?? [status.INVALID_ARGUMENT, "transport/call-malformed"]);
    await until(() => held() === 0);
  });

test("what is no gRPC, or no method, gets a status", async (context) => {
  const { client } = await serve(context);
  const session = await client();
  for (const [headers, expected] of [
    [{ "content-type": "application/json" }, 415],
    [{ ":method": "GET" }, 405],
  ] as const) {
    const { stream } = begin(session, headers);
    const [response] = (await once(stream, "response")) as [{ ":status": number }];
    assert.equal(response[":status"], expected);
  }
  assert.deepEqual(await begin(session, { ":path": "/nobody/knows" }).ended, [status.UNIMPLEMENTED, undefined]);
});
