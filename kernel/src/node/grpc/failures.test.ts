/** What goes wrong over gRPC harms one call and no other, and is for repeating where it is the way that failed. */
import assert from "node:assert/strict";
import { constants, performServerHandshake } from "node:http2";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { type TestContext, after, test } from "node:test";
import { NO_LOCK, anyone, contract, fault, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { t } from "../../schema/mod.ts";
import { type Fault, isFault, silentLogger } from "../../std/mod.ts";
import { type Envelope, type Reply, Unreachable, wasNotStarted } from "../../transport/mod.ts";
import { listenTls } from "../identity/mod.ts";
import { TestAuthority } from "../wire/testing/authority.ts";
import { clock } from "../wire/testing/bench.ts";
import { GrpcServer, GrpcTransport, grpcMethods } from "./mod.ts";

const Short = fault("callee/short", {
  kind: "conflict",
  data: t.object({ skus: t.array(t.text(), { maxItems: 10_000 }), why: t.text({ maxLength: 100_000 }) }),
  message: ({ skus, why }) => `${skus.length} are short. ${why}`,
});
const callee = contract("callee", {
  version: "1.0.0",
  queries: {
    ask: query({ input: t.object({ n: t.integer() }), output: t.object({ ok: t.boolean() }), allow: [anyone] }),
  },
});
const { lock } = protoOf(snapshotOf(callee), NO_LOCK);
const authority = new TestAuthority();
after(() => authority.close());
const identity = authority.identity("service/callee", "service/caller");

function clientOf(context: TestContext, port: number): (n: number) => Promise<Reply> {
  const addresses = { callee: `127.0.0.1:${port}` };
  const transport = new GrpcTransport({ identity, clock, contracts: [callee], lockOf: () => lock, addresses });
  context.after(() => transport.close());
  return (n) =>
    transport.send({
      ...{ service: "callee", operation: "ask", input: { n }, key: undefined, clientKey: false, attempt: 1 },
      ...{ caller: "caller", identity: undefined, trace: undefined, criticality: "normal", signal: undefined },
      deadlineAt: clock.monotonicMs() + 10_000,
    });
}

async function serve(context: TestContext, handle: (call: Envelope) => Promise<Reply>) {
  const server = await GrpcServer.listen({
    ...{ identity, clock, log: silentLogger, paths: ["service/callee"], methods: grpcMethods(callee, lock), handle },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
  });
  context.after(() => server.close(0));
  return clientOf(context, server.port);
}

async function faultOf(sending: Promise<unknown>): Promise<Fault> {
  const outcome = await sending.then(
    () => assert.fail("It answered."),
    (error: unknown) => error,
  );
  return isFault(outcome) ? outcome : assert.fail(String(outcome));
}

for (const [what, data, whole] of [
  ["data", { skus: ["A", "B"], why: "Sold." }, true],
  [
    "too much data",
    { skus: Array.from({ length: 4_000 }, (_, n) => `SKU-${n}-${"x".repeat(30)}`), why: "Sold." },
    false,
  ],
  ["a message as long as a book", { skus: [], why: "€".repeat(90_000) }, false],
] as const)
  test(`a fault with ${what} arrives as what it is, and so does what is under way beside it`, async (context) => {
    const held = Promise.withResolvers<Reply>();
    const begun = Promise.withResolvers<void>();
    const send = await serve(context, (call) => {
      if ((call.input as { n: number }).n === 1) return Promise.reject(Short.with({ ...data, skus: [...data.skus] }));
      begun.resolve();
      return held.promise;
    });
    const beside = send(0);
    await begun.promise;
    const short = await faultOf(send(1));
    assert.deepEqual([short.code, short.kind], ["callee/short", "conflict"]);
    assert.ok(short.message.startsWith(`${data.skus.length} are short. `), short.message.slice(0, 100));
    assert.deepEqual(short.data, whole ? data : undefined);
    held.resolve({ output: { ok: true }, replayed: false });
    assert.deepEqual((await beside).output, { ok: true });
  });

for (const [what, code] of Object.entries({
  "fails inside": constants.NGHTTP2_INTERNAL_ERROR,
  "takes us for wrong": constants.NGHTTP2_PROTOCOL_ERROR,
  "has too much to do": constants.NGHTTP2_ENHANCE_YOUR_CALM,
}))
  test(`a call whose stream is reset by one who ${what} may have happened, and is for repeating`, async (context) => {
    const port = await resetting(context, code);
    const lost = await faultOf(clientOf(context, port)(1));
    assert.ok(Unreachable.is(lost), JSON.stringify(lost));
  });

test("a call whose stream is refused, as by a server that ends, was certainly not started", async (context) => {
  const port = await resetting(context, constants.NGHTTP2_REFUSED_STREAM);
  const refused = await faultOf(clientOf(context, port)(1));
  assert.ok(wasNotStarted(refused), JSON.stringify(refused));
});

/** A server of HTTP/2 that resets each stream. */
async function resetting(context: TestContext, code: number): Promise<number> {
  const server = listenTls({
    ...{ identity, clock, paths: ["service/callee"], protocols: ["h2"], onRefused: () => {} },
    onPeer({ socket }) {
      const session = performServerHandshake(socket);
      session.on("error", () => {});
      session.on("stream", (stream) => {
        stream.on("error", () => {});
        stream.close(code);
      });
      context.after(() => session.destroy());
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
