/** gRPC with mutual TLS: who is let in, what arrives, what a foreign client sees of a fault. */
import assert from "node:assert/strict";
import { type Socket, connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import { type TestContext, describe, test } from "node:test";
import { Client, type ClientOptions, Metadata, type ServiceError, credentials, status } from "@grpc/grpc-js";
import { NO_LOCK, anyone, contract, fault, protoOf, query, snapshotOf } from "../../contract/mod.ts";
import { Metrics } from "../../observe/mod.ts";
import { t } from "../../schema/mod.ts";
import { BadCertificate, type WorkloadIdentity } from "../../security/mod.ts";
import { type Fault, type LogFields, type Logger, isFault, silentLogger } from "../../std/mod.ts";
import { type Envelope, PeerRefused, type Reply, UserTokens, inbound } from "../../transport/mod.ts";
import { systemClock } from "../clock.ts";
import { contextOf } from "../identity/mod.ts";
import { TRUST_DOMAIN, TestAuthority, badLeaves } from "../identity/testing/bad-certificates.ts";
import { GrpcServer, GrpcTransport, grpcMethods } from "./mod.ts";
import { DETAILS, faultIn } from "./status.ts";

const TooMuch = fault("orders/too-much", {
  kind: "conflict",
  data: t.object({ max: t.integer() }),
  message: ({ max }) => `More than ${max}.`,
});
const orders = contract("orders", {
  version: "2.0.0",
  queries: { count: query({ input: t.object({ n: t.integer() }), output: t.integer(), allow: [anyone] }) },
});
const { lock } = protoOf(snapshotOf(orders), NO_LOCK);
const [METHOD = assert.fail("there is no method")] = grpcMethods(orders, lock);
const clock = systemClock();
const now = clock.now();
const authority = new TestAuthority(now);
const good = authority.identity(authority.make());
const cart = authority.identity(authority.make({ uris: [`spiffe://${TRUST_DOMAIN}/service/cart`] }));

/** A logger that keeps what it is told. */
function listening(lines: { message: string; fields: LogFields | undefined }[]): Logger {
  const keep = (message: string, fields?: LogFields): void => void lines.push({ message, fields });
  return { ...silentLogger, warn: keep, info: keep };
}

interface Served {
  readonly server: GrpcServer;
  readonly address: string;
  readonly lines: { message: string; fields: LogFields | undefined }[];
  readonly calls: Envelope[];
  send(identity: WorkloadIdentity, more?: Partial<Envelope>): Promise<Reply>;
}

/** Serves orders by what is said, with the door of real hosts. */
async function serve(
  context: TestContext,
  handle: (call: Envelope) => Promise<Reply> = () => Promise.resolve({ output: 1, replayed: false }),
  identity: WorkloadIdentity = good,
): Promise<Served> {
  const lines: Served["lines"] = [];
  const calls: Envelope[] = [];
  const log = listening(lines);
  const tokens = new UserTokens({ clock });
  const transactions = { verify: () => "malformed" as const };
  const admit = inbound({ trustDomain: TRUST_DOMAIN, transactions, tokens, clock, log, metrics: new Metrics() });
  const server = await GrpcServer.listen({
    ...{ identity, clock, log, paths: ["service/orders"], methods: [METHOD], admit },
    handle: (call) => (calls.push(call), handle(call)),
  });
  context.after(() => server.close(0));
  const address = `127.0.0.1:${server.port}`;
  const send: Served["send"] = async (from, more = {}) => {
    const transport = new GrpcTransport({
      ...{ identity: from, clock, contracts: [orders], lockOf: () => lock, addresses: { orders: address } },
    });
    context.after(() => transport.close());
    return transport.send({ ...CALL, deadlineAt: clock.monotonicMs() + 10_000, ...more });
  };
  return { server, address, lines, calls, send };
}

const CALL = {
  ...{ service: "orders", operation: "count", input: { n: 1 }, key: undefined, clientKey: false, attempt: 1 },
  ...{ caller: "cart", identity: undefined, trace: undefined, criticality: "normal" as const, signal: undefined },
};

async function faultOf(sending: Promise<unknown>): Promise<Fault> {
  const outcome = await sending.then(
    () => assert.fail("It answered."),
    (error: unknown) => error,
  );
  return isFault(outcome) ? outcome : assert.fail(String(outcome));
}

/** A client that knows nothing of us but the .proto. */
async function askForeign(
  context: TestContext,
  address: string,
  { deadline, headers = {} }: { deadline?: number; headers?: Record<string, string> },
): Promise<ServiceError | Buffer> {
  const secure = credentials.createFromSecureContext(contextOf(cart.credentials("service/cart")), {
    checkServerIdentity: () => undefined,
  });
  const options: ClientOptions = {
    "grpc.ssl_target_name_override": `orders.service.${TRUST_DOMAIN}`,
    "grpc.use_local_subchannel_pool": 1,
  };
  const client = new Client(address, secure, options);
  context.after(() => client.close());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const bytes = (message: Buffer): Buffer => message;
  return new Promise((resolve) => {
    const limits = deadline === undefined ? {} : { deadline };
    client.makeUnaryRequest(METHOD.path, bytes, bytes, METHOD.input.write({ n: 1 }), metadata, limits, (error, value) =>
      resolve(error ?? value ?? Buffer.alloc(0)),
    );
  });
}

void describe("a call over gRPC", () => {
  test("says who makes it, by the certificate, and goes on in its trace, under its key", async (context) => {
    const { send, calls } = await serve(context);
    const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
    assert.deepEqual((await send(cart, { trace, key: "a/ü 1", insists: true })).output, 1);
    const [call] = calls;
    assert.deepEqual(call?.trace, trace);
    assert.deepEqual(
      [call?.caller, call?.peer, call?.key, call?.insists],
      ["cart", `spiffe://${TRUST_DOMAIN}/service/cart`, "a/ü 1", true],
    );
  });

  test("as somebody else, or for a user without a token, is refused and logged", async (context) => {
    const { send, calls, lines } = await serve(context);
    for (const caller of ["checkout", undefined])
      assert.ok(PeerRefused.is(await faultOf(send(cart, { caller }))), String(caller));
    assert.deepEqual(calls, []);
    assert.equal(lines.filter(({ message }) => message === "call refused").length, 2);
  });

  test("of a foreign client meets a fault as a status with details that any library reads", async (context) => {
    const { address } = await serve(context, () => Promise.reject(TooMuch.with({ max: 7 })));
    const headers = { "isomer-caller": "cart" };
    const error = await askForeign(context, address, { headers, deadline: clock.now() + 5_000 });
    assert.ok(error instanceof Error && "code" in error);
    assert.deepEqual([error.code, error.details], [status.FAILED_PRECONDITION, "More than 7."]);
    const [details] = error.metadata.get(DETAILS);
    assert.deepEqual(faultIn(details as Buffer)?.toJSON(), TooMuch.with({ max: 7 }).toJSON());
    assert.ok(details?.includes("TOO_MUCH") && details.includes("google.rpc.ErrorInfo"));
  });

  test("without a deadline is refused: nobody waits for ever", async (context) => {
    const { address, calls } = await serve(context);
    const error = await askForeign(context, address, { headers: { "isomer-caller": "cart" } });
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, status.INVALID_ARGUMENT);
    assert.deepEqual(calls, []);
  });

  test("that is under way ends where it began when certificates change; the next shows the new", async (context) => {
    let change = (): void => {};
    const identity: WorkloadIdentity = { ...cart, onRotate: (listener) => ((change = listener), () => {}) };
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const { address, calls } = await serve(context, async () => {
      if (calls.length === 1) {
        begun.resolve();
        await held.promise;
      }
      return { output: calls.length, replayed: false };
    });
    const transport = new GrpcTransport({
      ...{ identity, clock, contracts: [orders], lockOf: () => lock, addresses: { orders: address } },
    });
    context.after(() => transport.close());
    const send = (): Promise<Reply> => transport.send({ ...CALL, deadlineAt: clock.monotonicMs() + 10_000 });
    const first = send();
    await begun.promise;
    change();
    assert.equal((await send()).output, 2);
    held.resolve();
    assert.equal((await first).output, 2);
  });
});

void describe("a server of gRPC", () => {
  test("hears nobody any more whose authority is trusted no more, and ends what is under way", async (context) => {
    let change = (): void => {};
    let trusts = good;
    const identity: WorkloadIdentity = {
      ...good,
      credentials: (path) => trusts.credentials(path),
      onRotate: (listener) => ((change = listener), () => {}),
    };
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const handle = async (): Promise<Reply> => {
      begun.resolve();
      await held.promise;
      return { output: 1, replayed: false };
    };
    const { address, calls } = await serve(context, handle, identity);
    const transport = new GrpcTransport({
      ...{ identity: cart, clock, contracts: [orders], lockOf: () => lock, addresses: { orders: address } },
    });
    context.after(() => transport.close());
    const send = (): Promise<Reply> => transport.send({ ...CALL, deadlineAt: clock.monotonicMs() + 10_000 });
    const first = send();
    await begun.promise;
    const other = new TestAuthority(now);
    const { trustBundle } = other.identity(other.make()).credentials("service/orders");
    trusts = { ...good, credentials: (path) => ({ ...good.credentials(path), trustBundle }) };
    change();
    assert.equal((await faultOf(send())).kind, "unavailable");
    held.resolve();
    assert.equal((await first).output, 1);
    assert.equal(calls.length, 1);
  });

  for (const [what, [rule, wrong]] of Object.entries(badLeaves(now))) {
    test(`refuses a client whose certificate has ${what}`, async (context) => {
      const { send, calls, lines } = await serve(context);
      const stranger = authority.identity(authority.make(wrong));
      const { trustBundle } = cart.credentials("service/cart");
      // It would take our server for good; so it is the server that refuses.
      const trusting = { ...stranger, credentials: (path: string) => ({ ...stranger.credentials(path), trustBundle }) };
      assert.equal((await faultOf(send(trusting))).kind, "unavailable");
      assert.deepEqual(calls, []);
      if (rule !== "expired" && rule !== "not-yet-valid")
        assert.ok(lines.some(({ message }) => message === "grpc: a peer was refused"));
    });

    test(`is refused when its certificate has ${what}`, async (context) => {
      const stranger = authority.identity(authority.make(wrong));
      const { send, calls } = await serve(context, undefined, stranger);
      const refused = await faultOf(send(cart));
      assert.ok(BadCertificate.is(refused) || refused.kind === "unavailable", JSON.stringify(refused));
      assert.deepEqual(calls, []);
    });
  }

  test("is refused when it is another service than the one that was called", async (context) => {
    const { send } = await serve(context, undefined, cart);
    const refused = await faultOf(send(cart));
    assert.ok(BadCertificate.is(refused), JSON.stringify(refused));
    assert.equal(refused.data.rule, "not-expected");
  });

  test("refuses strangers: no certificate, another authority's, plain text, HTTP/1.1", async (context) => {
    const { address, send, calls, server } = await serve(context);
    const elsewhere = new TestAuthority(now);
    const stranger = elsewhere.identity(elsewhere.make({ uris: [`spiffe://${TRUST_DOMAIN}/service/cart`] }));
    assert.equal((await faultOf(send(stranger))).kind, "unavailable");

    const plain = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    context.after(() => plain.close());
    const bytes = (message: Buffer): Buffer => message;
    const error = await new Promise<ServiceError | null>((resolve) => {
      const limits = { deadline: clock.now() + 2_000 };
      plain.makeUnaryRequest(METHOD.path, bytes, bytes, Buffer.alloc(0), new Metadata(), limits, resolve);
    });
    assert.notEqual(error, null);

    const raw = connectPlain(server.port, "127.0.0.1");
    raw.on("error", () => {});
    raw.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await ended(raw);
    for (const own of [{}, { ...pair(cart), ALPNProtocols: ["http/1.1"] }]) {
      const socket = connectTls({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false, ...own });
      socket.on("error", () => {});
      socket.resume();
      await ended(socket);
    }
    assert.deepEqual(calls, []);
  });
});

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function pair(identity: WorkloadIdentity): { cert: string; key: string } {
  const { certificateChain: cert, privateKey: key } = identity.credentials("service/cart");
  return { cert, key };
}
