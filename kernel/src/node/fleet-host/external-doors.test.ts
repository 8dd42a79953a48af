/** What doors for services in other languages refuse before anything of an input is taken in. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { Metrics } from "../../observe/mod.ts";
import { anyone, contract, query } from "../../contract/mod.ts";
import { defineSystem, external, implement } from "../../runtime/mod.ts";
import { t } from "../../schema/mod.ts";
import { serverNameOf } from "../../security/mod.ts";
import { type LogFields, type Logger, silentLogger } from "../../std/mod.ts";
import { TRUST_DOMAIN, TestAuthority } from "../wire/testing/authority.ts";
import { clock, until } from "../wire/testing/bench.ts";
import { openDoors } from "./external-doors.ts";

const authority = new TestAuthority();
after(() => authority.close());
const ask = query({ input: t.object({}), output: t.object({}), allow: [anyone] });
const orders = contract("orders", { version: "1.0.0", queries: { ask } });
const wraps = contract("wraps", { version: "1.0.0", queries: { ask } });

test("a service that has not declared that it calls another is told so by its headers", async (context) => {
  const identity = authority.identity("service/orders", "service/cart", "service/wraps");
  const lines: (LogFields | undefined)[] = [];
  const log: Logger = { ...silentLogger, warn: (_, fields) => void lines.push(fields), with: () => log };
  const service = implement()(orders, { commands: {}, queries: { ask: () => Promise.resolve({}) } });
  const externals = [external(wraps, { uses: [orders] })];
  const system = defineSystem({ name: "shop", services: [service], externals, roles: {} });
  const metrics = new Metrics();
  const doors = await openDoors({
    ...{ app: { system, version: "1" }, placed: ["orders"], identity, clock, log, metrics },
    admission:
      () =>
      ({ userToken: _, ...call }, peer) => ({ ...call, identity: undefined, peer }),
    handle: () => assert.fail("it was carried out"),
  });
  const port = doors?.ports.httpPort ?? assert.fail("there is no door");
  const sockets: Socket[] = [];
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await doors?.close();
  });
  /** Asks with a body of which one byte comes. */
  const begin = async (caller: string) => {
    const { certificateChain: cert, privateKey: key, trustBundle: ca } = identity.credentials(`service/${caller}`);
    const servername = serverNameOf({ trustDomain: TRUST_DOMAIN, path: "service/orders" });
    const parts = { host: "127.0.0.1", port, servername, cert, key, ca, checkServerIdentity: () => undefined };
    const socket = connect(parts);
    sockets.push(socket);
    await once(socket, "secureConnect");
    const head = `POST /orders/ask HTTP/1.1\r\nhost: x\r\nisomer-deadline-ms: 60000\r\nisomer-caller: ${caller}\r\n`;
    socket.write(`${head}content-length: 1000\r\n\r\n{`);
    return socket;
  };
  const held = () =>
    metrics.gauge("isomer.door.held", "", ["door", "what"]).with({ door: "http", what: "inputs" }).value;
  let told = "";
  (await begin("cart")).on("data", (data: Buffer) => (told += data.toString()));
  await until(() => told !== "");
  assert.match(told, /^HTTP\/1.1 403 [^]*"kernel\/undeclared"/);
  assert.equal(held(), 0);
  const [line, ...more] = lines;
  assert.deepEqual([line?.["operation"], line?.["caller"], line?.["reason"]], ["orders.ask", "cart", "undeclared"]);
  assert.deepEqual(more, []);
  const declared = await begin("wraps");
  await until(() => held() > 0);
  declared.destroy();
  await until(() => held() === 0);
});
