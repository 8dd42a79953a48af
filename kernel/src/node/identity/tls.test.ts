import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectPlain } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectRaw, type TLSSocket } from "node:tls";
import { BadCertificate, ROOT_POLICY_DEFAULT, type WorkloadIdentity } from "../../security/mod.ts";
import { type Fault, silentLogger } from "../../std/mod.ts";
import { systemClock } from "../clock.ts";
import {
  FilesIdentity,
  LocalAuthority,
  LocalIdentity,
  type PeerConnection,
  clientTls,
  connectTls,
  listenTls,
  localFiles,
  writeBundle,
  writeCredentials,
} from "./mod.ts";
import { TestAuthority, badLeaves } from "./testing/bad-certificates.ts";
import { folderFor } from "./testing/folder.ts";

const clock = systemClock();
const protocols = ["isomer/1"];
const host = "127.0.0.1";
type Paths = readonly [string, ...string[]];

/** A server that greets whoever is let in, and remembers whoever is not. */
async function serve(t: TestContext, identity: WorkloadIdentity, paths: Paths) {
  const met: PeerConnection[] = [];
  const refused: Fault[] = [];
  const server = listenTls({
    ...{ identity, clock, protocols, paths },
    onPeer(connection) {
      met.push(connection);
      connection.socket.on("error", () => {});
      connection.socket.end(`hello ${connection.peer.id}`);
    },
    onRefused: (fault) => refused.push(fault),
  });
  server.listen(0, host);
  await once(server, "listening");
  t.after(() => server.close());
  return { server, met, refused, port: (server.address() as AddressInfo).port };
}

/** Connects, and reads until the other end is done: empty when it was not let in. */
async function greeting(port: number, identity: WorkloadIdentity, from: string, to: string): Promise<string> {
  const { socket } = await connectTls({ identity, clock, protocols, host, port, from, to });
  return textOf(socket);
}

async function textOf(socket: TLSSocket): Promise<string> {
  socket.setEncoding("utf8");
  let text = "";
  socket.on("data", (part: string) => (text += part));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

function localSetup(t: TestContext, ...paths: string[]): LocalIdentity {
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain: "shop.test", clock });
  return new LocalIdentity({ authority, clock, paths });
}

void test("two workloads find out who the other is; the server shows whom the client asked for", async (t) => {
  const identity = localSetup(t, "service/orders", "service/cart", "gateway");
  const { port, met } = await serve(t, identity, ["service/orders", "service/cart"]);
  for (const to of ["service/orders", "service/cart"]) {
    assert.equal(await greeting(port, identity, "gateway", to), "hello spiffe://shop.test/gateway");
    assert.equal(met.at(-1)?.path, to);
    assert.equal(met.at(-1)?.socket.getProtocol(), "TLSv1.3");
    const ends = ["gateway", to].map((path) => identity.credentials(path).expiresAt);
    assert.equal(met.at(-1)?.expiresAt, Math.min(...ends));
  }
  await assert.rejects(greeting(port, identity, "gateway", "service/payments"));
});

void test("plain text, strangers without a certificate and older TLS are not let in", async (t) => {
  const identity = localSetup(t, "service/orders", "gateway");
  const { port, met, refused } = await serve(t, identity, ["service/orders"]);
  const plain = connectPlain(port, host);
  plain.on("error", () => {});
  plain.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => plain.once("close", resolve));
  const options = { port, host, ALPNProtocols: protocols, rejectUnauthorized: false };
  assert.equal(await textOf(connectRaw(options)), "");
  assert.equal(await textOf(connectRaw({ ...options, maxVersion: "TLSv1.2" })), "");
  assert.equal(await textOf(connectRaw({ ...options, ALPNProtocols: ["h2"] })), "");
  assert.deepEqual(met, []);
  assert.deepEqual(
    refused.map(({ data }) => (data as { rule: string }).rule),
    ["no-certificate"],
  );
});

void test("a bad certificate is refused by whichever end it is shown to", async (t) => {
  const authority = new TestAuthority(clock.now());
  const good = authority.identity(authority.make());
  const { port, met, refused } = await serve(t, good, ["service/orders"]);
  assert.match(await greeting(port, good, "service/orders", "service/orders"), /^hello/);
  met.length = 0;
  const stranger = new TestAuthority(clock.now());
  const trusting = {
    ...stranger.identity(stranger.make()).credentials(""),
    trustBundle: good.credentials("").trustBundle,
  };
  const cases: (readonly [string, string, WorkloadIdentity])[] = Object.entries(badLeaves(clock.now())).map(
    ([what, [rule, change]]) => [what, rule, authority.identity(authority.make(change))],
  );
  cases.push(["an authority nobody knows", "chain", { ...good, credentials: () => trusting }]);
  for (const [what, rule, bad] of cases) {
    refused.length = 0;
    assert.equal(await greeting(port, bad, "service/orders", "service/orders"), "", `${what}: the server let it in`);
    const [fault] = refused;
    assert.ok(BadCertificate.is(fault), what);
    assert.equal(fault.data.rule, rule, what);
    const other = await serve(t, bad, ["service/orders"]);
    await assert.rejects(greeting(other.port, good, "service/orders", "service/orders"), (error) => {
      assert.ok(BadCertificate.is(error), `${what}: ${String(error)}`);
      assert.equal(error.data.rule, rule, what);
      return true;
    });
    other.server.close();
  }
  assert.deepEqual(met, []);
});

void test("whoever answers for another is refused", async (t) => {
  const authority = new TestAuthority(clock.now());
  const orders = authority.identity(authority.make());
  const { port } = await serve(t, orders, ["service/cart"]);
  await assert.rejects(greeting(port, orders, "service/orders", "service/cart"), (error) => {
    return BadCertificate.is(error) && error.data.rule === "not-expected";
  });
});

void test("no session is resumed: each connection begins with certificates that are good then", async (t) => {
  const identity = localSetup(t, "service/orders", "gateway");
  const { port, server } = await serve(t, identity, ["service/orders"]);
  const reused: boolean[] = [];
  server.prependListener("secureConnection", (socket) => reused.push(socket.isSessionReused()));
  const options = clientTls({ identity, clock, protocols, from: "gateway", to: "service/orders" });
  const first = connectRaw({ ...options, host, port });
  let session: Buffer | undefined;
  first.on("session", (ticket) => (session = ticket));
  assert.match(await textOf(first), /^hello/);
  session ??= first.getSession();
  const again = connectRaw({ ...options, host, port, ...(session === undefined ? {} : { session }) });
  assert.match(await textOf(again), /^hello/);
  assert.deepEqual(reused, [false, false]);
});

void test("ten rotations and a new root while calls go on over new connections: none fails", async (t) => {
  const policy = { ...ROOT_POLICY_DEFAULT, publishMs: 0, leafLifeMaxMs: 600_000 };
  const authority = new LocalAuthority({ folder: folderFor(t), trustDomain: "shop.test", clock, policy });
  const log = silentLogger;
  const folders = new Map<string, string>();
  const renew = (): void => folders.forEach((folder, path) => writeCredentials(folder, path, authority.issue(path)));
  const open = (path: string): FilesIdentity => {
    const folder = folderFor(t);
    folders.set(path, folder);
    renew();
    const workloads = new Map([[path, localFiles(folder, path)]]);
    const identity = new FilesIdentity({ trustDomain: "shop.test", workloads, clock, log, rereadMs: 60_000 });
    t.after(() => identity.close());
    return identity;
  };
  const [orders, gateway] = [open("service/orders"), open("gateway")];
  const { port, refused } = await serve(t, orders, ["service/orders"]);
  let going = true;
  const calls = [0, 0];
  const shown = new Set<string | undefined>();
  let answered = Promise.withResolvers<void>();
  t.after(() => (going = false));
  const ask = async (_: unknown, asker: number): Promise<void> => {
    while (going) {
      const asked = { identity: gateway, clock, protocols, host, port, from: "gateway", to: "service/orders" };
      const { socket } = await connectTls(asked);
      shown.add(socket.getPeerX509Certificate()?.serialNumber);
      assert.match(await textOf(socket), /^hello/);
      calls[asker] = (calls[asker] ?? 0) + 1;
      answered.resolve();
      answered = Promise.withResolvers();
    }
  };
  const asking = Promise.all(calls.map(ask));
  // Two more calls of each: the second of them began after this.
  const twice = async (): Promise<void> => {
    const from = [...calls];
    while (calls.some((count, asker) => count < (from[asker] ?? 0) + 2)) await Promise.race([asking, answered.promise]);
  };
  await twice();
  for (let rotation = 0; rotation < 10; rotation += 1) {
    if (rotation === 4) {
      // All know the new root before anybody is signed by it.
      authority.roll();
      for (const folder of folders.values()) writeBundle(folder, authority.trustBundle);
      for (const identity of [orders, gateway]) identity.reread();
      await twice();
    }
    renew();
    // One after the other, as processes do: the one is new and the other old in between.
    orders.reread();
    await twice();
    gateway.reread();
    await twice();
  }
  going = false;
  await asking;
  assert.deepEqual(refused, []);
  assert.equal(shown.size, 11);
});
