/** Connections of HTTP and certificates that change, or end: no call is cut for it, and nobody is believed for longer. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { silentLogger } from "../../std/mod.ts";
import { ManualClock } from "../../std/testing/manual-clock.ts";
import type { Reply } from "../../transport/mod.ts";
import { TRUST_DOMAIN, TestAuthority } from "../identity/testing/bad-certificates.ts";
import { systemClock } from "../clock.ts";
import { contextOptions } from "../identity/mod.ts";
import { certificatePem } from "../identity/pem.ts";
import { HttpServer, HttpTransport } from "./mod.ts";

const real = systemClock();
const MINUTE_MS = 60_000;

const CALL = {
  ...{ service: "orders", operation: "count", input: {}, key: undefined, clientKey: false, attempt: 1 },
  ...{ caller: "cart", identity: undefined, trace: undefined, criticality: "normal" as const, signal: undefined },
};

/** A server of orders, and a client of it; both by a clock that the test moves. Certificates last an hour. */
async function open(context: TestContext, handle: (call: number) => Promise<void> = () => Promise.resolve()) {
  const clock = new ManualClock(real.now());
  const authority = new TestAuthority(clock.now());
  const served = authority.identity(authority.make());
  const caller = authority.identity(authority.make({ uris: [`spiffe://${TRUST_DOMAIN}/service/cart`] }));
  let [handshakes, calls] = [0, 0];
  let [change, renew] = [(): void => {}, (): void => {}];
  let trusted: string | undefined;
  const identity: WorkloadIdentity = {
    ...served,
    credentials(path) {
      handshakes += 1;
      const own = served.credentials(path);
      return { ...own, trustBundle: trusted ?? own.trustBundle };
    },
    onRotate: (listener) => ((renew = listener), () => {}),
  };
  const server = await HttpServer.listen({
    ...{ identity, clock, log: silentLogger, paths: ["service/orders"] },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
    async handle() {
      calls += 1;
      const own = calls;
      await handle(own);
      return { output: own, replayed: false };
    },
  });
  context.after(() => server.close(0));
  const transport = new HttpTransport({
    ...{ clock, baseUrls: { orders: `https://127.0.0.1:${server.port}` } },
    identity: { ...caller, onRotate: (listener) => ((change = listener), () => {}) },
  });
  context.after(() => transport.close());
  const send = (): Promise<Reply> => transport.send({ ...CALL, deadlineAt: clock.monotonicMs() + 600_000 });
  const { certificateChain, privateKey, trustBundle } = caller.credentials("service/cart");
  const parts = { host: "127.0.0.1", port: server.port, cert: certificateChain, key: privateKey, ca: trustBundle };
  /** A connection of somebody who is let in, and does as it likes. */
  const connectRaw = (more: ConnectionOptions = {}): TLSSocket =>
    connect({ ...parts, ...more, checkServerIdentity: () => undefined });
  /** The server's credentials change; so does whom it trusts, when that is said. */
  const renewed = (trustBundle?: string): void => {
    trusted = trustBundle;
    renew();
  };
  const asked = { handshakes: () => handshakes, calls: () => calls };
  return { clock, send, change: () => change(), renew: renewed, ...asked, connectRaw };
}

const HEAD = "POST /orders/count HTTP/1.1\r\nhost: x\r\nisomer-deadline-ms: 1000\r\nisomer-caller: cart\r\n";

/** Asks on a connection, and hears the answer; what is heard of a connection that ends is "". */
async function askOn(socket: TLSSocket): Promise<string> {
  const ended = once(socket, "close").then(() => [""]);
  socket.write(`${HEAD}content-length: 2\r\n\r\n{}`);
  return String(await Promise.race([once(socket, "data"), ended]));
}

test("a call that is under way ends where it began when certificates change; the next makes a connection", async (context) => {
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { send, change, handshakes } = await open(context, async (call) => {
    if (call > 1) return;
    begun.resolve();
    await held.promise;
  });
  const first = send();
  await begun.promise;
  const before = handshakes();
  change();
  assert.equal((await send()).output, 2);
  assert.ok(handshakes() > before);
  held.resolve();
  assert.equal((await first).output, 1);
});

test("a connection is used again and again, and given up when the certificates are nearly over", async (context) => {
  const { send, clock, handshakes } = await open(context);
  await send();
  const once = handshakes();
  await send();
  assert.equal(handshakes(), once, "it is used again");
  await clock.advance(59.75 * MINUTE_MS);
  await send();
  assert.equal(handshakes(), once, "its last answer says that it ends");
  await send();
  assert.ok(handshakes() > once);
});

test("a server whose own certificate ends first says so with the last answer", async (context) => {
  const clock = new ManualClock(real.now());
  const authority = new TestAuthority(clock.now());
  const endsAt = clock.now() + 30 * MINUTE_MS;
  const shown = authority.identity(authority.make({ notAfter: endsAt }));
  const own = { ...shown.credentials("service/orders"), expiresAt: endsAt };
  const server = await HttpServer.listen({
    ...{ identity: { ...shown, credentials: () => own }, clock, log: silentLogger, paths: ["service/orders"] },
    admit: ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
    handle: async () => ({ output: 1, replayed: false }),
  });
  context.after(() => server.close(0));
  const caller = authority.identity(authority.make({ uris: [`spiffe://${TRUST_DOMAIN}/service/cart`] }));
  const { certificateChain: cert, privateKey: key, trustBundle: ca } = caller.credentials("service/cart");
  const parts = { host: "127.0.0.1", port: server.port, cert, key, ca, checkServerIdentity: () => undefined };
  const socket = connect(parts);
  context.after(() => socket.destroy());
  await once(socket, "secureConnect");
  assert.match(await askOn(socket), /^HTTP\/1.1 200 [^]*\r\nconnection: keep-alive\r\n/i);
  await clock.advance(29.75 * MINUTE_MS);
  assert.match(await askOn(socket), /^HTTP\/1.1 200 [^]*\r\nconnection: close\r\n/i);
});

test("a connection is given up before it is cut, though the other side does not say that it ends", async (context) => {
  const clock = new ManualClock(real.now());
  const authority = new TestAuthority(clock.now());
  const identity = authority.identity(authority.make());
  const options = contextOptions(identity.credentials("service/orders"));
  const server = createServer({ ...options, ALPNProtocols: ["http/1.1"] }, (_, answer) => answer.end("1"));
  let connections = 0;
  server.on("secureConnection", () => (connections += 1));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const baseUrls = { orders: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const transport = new HttpTransport({ identity, clock, baseUrls });
  context.after(() => {
    transport.close();
    server.close();
  });
  const send = (): Promise<Reply> => transport.send({ ...CALL, deadlineAt: clock.monotonicMs() + 1_000 });
  await send();
  await send();
  await clock.advance(59.75 * MINUTE_MS);
  await send();
  assert.equal(connections, 1);
  await send();
  assert.equal(connections, 2);
});

test("a connection whose certificates are over is cut, with what is under way on it", async (context) => {
  const begun = Promise.withResolvers<void>();
  const { send, clock } = await open(context, () => (begun.resolve(), new Promise(() => {})));
  // A call has ten minutes at most: this one begins five before the end.
  await clock.advance(55 * MINUTE_MS);
  const outcome = send().then(
    () => "answered",
    (error: { code?: string }) => error.code,
  );
  await begun.promise;
  await clock.advance(6 * MINUTE_MS);
  assert.equal(await outcome, "transport/unreachable");
});

test("when a server's certificate is renewed, its connections carry one answer more", async (context) => {
  const { renew, connectRaw } = await open(context);
  const socket = connectRaw();
  await once(socket, "secureConnect");
  assert.match(await askOn(socket), /\r\nconnection: keep-alive\r\n/i);
  renew();
  assert.match(await askOn(socket), /^HTTP\/1.1 200 [^]*\r\nconnection: close\r\n/i);
  const next = connectRaw();
  await once(next, "secureConnect");
  assert.match(await askOn(next), /\r\nconnection: keep-alive\r\n/i);
  next.destroy();
});

test("what was sent behind the last call on a connection is not begun; what was begun is answered", async (context) => {
  const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { renew, connectRaw, calls } = await open(context, async (call) => {
    if (call === 2) begun.resolve();
    if (call > 1) await go.promise;
  });
  const socket = connectRaw();
  await once(socket, "secureConnect");
  assert.match(await askOn(socket), /\r\nconnection: keep-alive\r\n/i);
  const whole = `${HEAD}content-length: 2\r\n\r\n{}`;
  socket.write(whole);
  await begun.promise;
  renew();
  socket.write(whole.repeat(3));
  let heard = "";
  socket.on("data", (part) => (heard += String(part)));
  const closed = once(socket, "close");
  go.resolve();
  await closed;
  assert.deepEqual(heard.match(/(?<=\r\nconnection: )\S+/gi), ["keep-alive", "close"]);
  assert.equal(calls(), 3);
});

test("whose authority is trusted no more is heard no more, on no connection", async (context) => {
  const { renew, connectRaw, calls } = await open(context);
  const socket = connectRaw();
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  assert.match(await askOn(socket), /^HTTP\/1.1 200/);
  renew(certificatePem(new TestAuthority(real.now()).root.der));
  assert.equal(await askOn(socket), "");
  assert.equal(calls(), 1);
});

test("older TLS is refused, also after the server's own certificate was renewed", async (context) => {
  const { renew, connectRaw } = await open(context);
  renew();
  const older = connectRaw({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
  await assert.rejects(once(older, "secureConnect"), /protocol version/);
  const good = connectRaw();
  await once(good, "secureConnect");
  assert.equal(good.getProtocol(), "TLSv1.3");
  good.destroy();
});

test("a call whose body does not come is ended with its time", async (context) => {
  const { clock, connectRaw } = await open(context);
  const socket = connectRaw();
  await once(socket, "secureConnect");
  socket.write(`${HEAD}expect: 100-continue\r\ncontent-length: 4000\r\n\r\n{`);
  // The server has begun with the call when it asks for the rest.
  await once(socket, "data");
  const closed = once(socket.resume(), "close");
  await clock.advance(1_001);
  await closed;
});
