/** A service in Python among those of the system: both ways, with its own certificate, in one trace. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { snapshotOf } from "../../kernel/src/contract/mod.ts";
import { findProgram, freePort } from "../../kernel/src/node/engines/mod.ts";
import { HttpServer, HttpTransport } from "../../kernel/src/node/external/mod.ts";
import { LocalAuthority, LocalIdentity, listenTls, writeCredentials } from "../../kernel/src/node/identity/mod.ts";
import { openWorld } from "../../kernel/src/node/mod.ts";
import { type FinishedSpan, Metrics } from "../../kernel/src/observe/mod.ts";
import { Host } from "../../kernel/src/runtime/mod.ts";
import { type Fault, isFault, silentLogger } from "../../kernel/src/std/mod.ts";
import { type Envelope, UserTokens, inbound } from "../../kernel/src/transport/mod.ts";
import { TooHeavy, giftwrap } from "./contracts.ts";
import { giftShop } from "./system.ts";

const TRUST_DOMAIN = "gifts.internal";
const python = findProgram("python3");
const skip = python === undefined ? "python3 is not installed: apt-get install python3" : false;

/** The host of catalog and desk, and the Python service, each with certificates of its own. */
async function open(context: TestContext) {
  const home = mkdtempSync(join(tmpdir(), "isomer-python-"));
  const spans: FinishedSpan[] = [];
  const calls: Envelope[] = [];
  const exporter = { export: (finished: readonly FinishedSpan[]) => void spans.push(...finished) };
  const world = openWorld({ dataFolder: ":memory:", log: silentLogger, relaxed: true, spans: exporter });
  const { clock } = world.world;
  const authority = new LocalAuthority({ folder: join(home, "authority"), trustDomain: TRUST_DOMAIN, clock });
  const identity = new LocalIdentity({ authority, clock, paths: ["service/catalog", "service/desk", "gateway"] });
  const tokens = new UserTokens({ clock });
  const baseUrls: Record<string, string> = {};
  const externals = new HttpTransport({ identity, clock, baseUrls, userTokenOf: (call) => tokens.of(call.identity) });
  const host = await Host.start({ system: giftShop, world: world.world, jobs: false, externals });
  const metrics = new Metrics();
  const transactions = { verify: () => "malformed" as const };
  const server = await HttpServer.listen({
    ...{ identity, clock, log: silentLogger, paths: ["service/catalog", "service/desk"] },
    admit: inbound({ trustDomain: TRUST_DOMAIN, transactions, tokens, clock, log: silentLogger, metrics }),
    handle: (envelope) => (calls.push(envelope), host.transport.send(envelope)),
  });
  const url = `https://127.0.0.1:${server.port}`;
  const port = await freePort();
  writeCredentials(join(home, "giftwrap"), "service/giftwrap", authority.issue("service/giftwrap"));
  writeFileSync(join(home, "addresses.json"), JSON.stringify({ services: { catalog: [{ http: url }] } }));
  writeFileSync(join(home, "contract.json"), JSON.stringify(snapshotOf(giftwrap)));
  const script = fileURLToPath(new URL("./giftwrap.py", import.meta.url));
  const program: ChildProcess = spawn(python ?? "", [script], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: "1",
      ISOMER_SERVICE: "giftwrap",
      ISOMER_TRUST_DOMAIN: TRUST_DOMAIN,
      ISOMER_IDENTITY: join(home, "giftwrap"),
      ISOMER_ADDRESSES: join(home, "addresses.json"),
      ISOMER_CONTRACT: join(home, "contract.json"),
      ISOMER_PORT: String(port),
    },
  });
  const [line] = (await once(program.stdout ?? assert.fail(), "data")) as [Buffer];
  assert.match(line.toString(), /"message":"ready"/);
  baseUrls["giftwrap"] = `https://127.0.0.1:${port}`;
  context.after(async () => {
    program.kill("SIGKILL");
    externals.close();
    await server.close();
    await host.stop();
    world.close();
    rmSync(home, { recursive: true, force: true });
  });
  const ask = async (operation: "offer" | "wrap", sku: string, more: { key?: string; deadlineMs?: number } = {}) =>
    (await host.invoke({ service: "desk", operation, input: { sku, paper: "gold" }, ...more })).output;
  /** Who calls the system as the Python service does, with its certificate. */
  const asGiftwrap = new HttpTransport({
    ...{ clock, identity: new LocalIdentity({ authority, clock, paths: ["service/giftwrap", "service/desk"] }) },
    baseUrls: { catalog: url, desk: url, giftwrap: baseUrls["giftwrap"] },
  });
  context.after(() => asGiftwrap.close());
  return { host, clock, spans, calls, identity, program, ask, asGiftwrap, baseUrls, url, home, authority };
}

const faultOf = async (outcome: Promise<unknown>): Promise<Fault> => {
  const error = await outcome.then(
    (value) => assert.fail(`There was no fault but ${JSON.stringify(value)}.`),
    (reason: unknown) => reason,
  );
  return isFault(error) ? error : assert.fail(String(error));
};

void describe("a service in Python", { skip }, () => {
  test("is called, calls in turn, and is in the trace", async (context) => {
    const { ask, spans, host } = await open(context);
    assert.deepEqual(await ask("offer", "book"), { amount: 400, label: "A book in gold paper" });
    host.tracer.flush();
    const [product] = spans.filter(({ name }) => name === "catalog.variants");
    const [offer] = spans.filter(({ name }) => name === "desk.offer");
    assert.ok(product !== undefined && offer !== undefined, spans.map(({ name }) => name).join());
    assert.equal(product.context.traceId, offer.context.traceId);
    assert.notEqual(product.parentSpanId, offer.context.spanId, "the span between them is of the Python service");
    assert.ok(product.attributes.includes("giftwrap"), "its caller is known");
  });

  test("raises faults of the contract, which arrive as they are", async (context) => {
    const { ask } = await open(context);
    const fault = await faultOf(ask("offer", "anvil"));
    assert.ok(TooHeavy.is(fault), JSON.stringify(fault));
    assert.deepEqual([fault.kind, fault.data], ["conflict", { weightGrams: 60_000 }]);
    assert.match(fault.message, /A anvil is too heavy/);
  });

  test("is given the command's key: what is repeated is done once", async (context) => {
    const { asGiftwrap, clock } = await open(context);
    const wrap = async (key: string): Promise<unknown> =>
      (
        await asGiftwrap.send(
          envelope(clock.monotonicMs(), { caller: "desk", service: "giftwrap", operation: "wrap", key }),
        )
      ).output;
    const [first, again, other] = [await wrap("a/ü 1"), await wrap("a/ü 1"), await wrap("b")];
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  test("is given up when the time is over, and so is what it asked for", async (context) => {
    const { ask } = await open(context);
    const fault = await faultOf(ask("offer", "needle", { deadlineMs: 300 }));
    assert.equal(fault.code, "kernel/deadline-exceeded");
    assert.deepEqual(await ask("offer", "book"), { amount: 400, label: "A book in gold paper" });
  });

  test("may call what it says it uses and is let in to, as itself, and nothing else", async (context) => {
    const { asGiftwrap, clock } = await open(context);
    const send = (call: Partial<Envelope>) => asGiftwrap.send(envelope(clock.monotonicMs(), call));
    const product = { service: "catalog", operation: "variants", key: undefined, input: { skus: ["book"] } };
    assert.deepEqual((await send({ ...product, caller: "giftwrap" })).output, {
      variants: [{ sku: "book", title: "A book", weightGrams: 400 }],
    });
    const codes = [];
    for (const call of [
      { ...product, operation: "discontinue", input: { sku: "book" }, key: "k", caller: "giftwrap" },
      { ...product, service: "desk", operation: "offer", caller: "giftwrap" },
      { ...product, caller: "desk" },
      { ...product, caller: "giftwrap", input: { skus: 7 } },
    ])
      codes.push((await faultOf(send(call))).code);
    assert.deepEqual(codes, ["kernel/forbidden", "kernel/undeclared", "kernel/forbidden", "kernel/invalid"]);
  });

  test("hands on how much a call matters, and whether its answer may be a little old", async (context) => {
    const { asGiftwrap, clock, calls } = await open(context);
    const quote = { caller: "desk", service: "giftwrap", operation: "quote" };
    await asGiftwrap.send(envelope(clock.monotonicMs(), { ...quote, criticality: "critical", mayBeStale: true }));
    await asGiftwrap.send(envelope(clock.monotonicMs(), { ...quote, criticality: "sheddable" }));
    const told = calls.map(({ operation, criticality, mayBeStale }) => [operation, criticality, mayBeStale]);
    assert.deepEqual(told, [
      ["variants", "critical", true],
      ["variants", "sheddable", false],
    ]);
  });

  for (const [what, answer, code] of [
    ["is no HTTP", "nonsense\r\n\r\n", "transport/unreachable"],
    ["breaks off", 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"vari', "transport/unreachable"],
    ["never comes", "", "transport/unreachable"],
    ["is of a proxy", "HTTP/1.1 502 Bad\r\ncontent-length: 4\r\n\r\n<br>", "transport/unreachable"],
    ["is of a proxy in JSON", "HTTP/1.1 503 Bad\r\ncontent-length: 2\r\n\r\n[]", "transport/unreachable"],
    ["is of somebody else", "HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\n{}", "transport/foreign-answer"],
  ] as const)
    test(`says of an answer that ${what} what is known: ${code}`, async (context) => {
      const { asGiftwrap, clock, identity, home } = await open(context);
      const server = listenTls({
        ...{ identity, clock, paths: ["service/catalog"], protocols: ["http/1.1"], onRefused: () => {} },
        onPeer({ socket }) {
          socket.on("error", () => {});
          socket.once("data", () => socket.end(answer));
        },
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      context.after(() => server.close());
      const http = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      writeFileSync(join(home, "addresses.json"), JSON.stringify({ services: { catalog: [{ http }] } }));
      const quote = { caller: "desk", service: "giftwrap", operation: "quote" };
      const fault = await faultOf(asGiftwrap.send(envelope(clock.monotonicMs(), quote)));
      assert.equal(fault.code, code, fault.message);
      assert.match(fault.message, /catalog/);
    });

  test("cannot call as somebody else", async (context) => {
    const { url, authority } = await open(context);
    const { certificateChain: cert, privateKey: key } = authority.issue("service/giftwrap");
    const asked = request(`${url}/catalog/discontinue`, {
      ...{ method: "POST", rejectUnauthorized: false, servername: "catalog.service.gifts.internal", cert, key },
      ...{ headers: { "isomer-caller": "desk", "isomer-deadline-ms": "5000", "idempotency-key": "k" } },
    });
    asked.end('{"sku":"book"}');
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of answer as AsyncIterable<Buffer>) body += chunk.toString();
    assert.deepEqual([answer.statusCode, (JSON.parse(body) as { code: string }).code], [403, "transport/peer-refused"]);
  });

  test("and the system refuse whoever has no certificate of theirs", async (context) => {
    const { baseUrls, url, home, clock } = await open(context);
    const stranger = new LocalAuthority({
      folder: join(home, "stranger"),
      trustDomain: TRUST_DOMAIN,
      clock,
    }).issue("service/desk");
    const { certificateChain: cert, privateKey: key } = stranger;
    for (const address of [baseUrls["giftwrap"] ?? "", url]) {
      for (const own of [{}, { cert, key }]) {
        const asked = request(`${address}/giftwrap/quote`, {
          ...{ method: "POST", rejectUnauthorized: false, servername: "catalog.service.gifts.internal", ...own },
          ...{ headers: { "isomer-caller": "desk", "isomer-deadline-ms": "500" } },
        });
        asked.end("{}");
        const outcome = await Promise.race([
          once(asked, "response").then(([response]) => `status ${(response as { statusCode: number }).statusCode}`),
          once(asked, "error").then(() => "refused"),
        ]).catch(() => "refused");
        assert.equal(outcome, "refused");
      }
    }
  });

  test("that is gone is unavailable, and the call was surely not begun", async (context) => {
    const { asGiftwrap, program, clock, ask } = await open(context);
    program.kill("SIGKILL");
    await once(program, "exit");
    const call = { caller: "desk", service: "giftwrap", operation: "wrap", key: "k" };
    const fault = await faultOf(asGiftwrap.send(envelope(clock.monotonicMs(), call)));
    assert.equal(fault.code, "transport/not-started");
    assert.equal((await faultOf(ask("offer", "book"))).kind, "unavailable");
  });
});

function envelope(nowMs: number, call: Partial<Envelope>): Envelope {
  return {
    ...{ service: "catalog", operation: "variants", input: { sku: "book", paper: "plain" }, key: undefined },
    ...{ clientKey: false, attempt: 1, deadlineAt: nowMs + 5_000, caller: undefined, identity: undefined },
    ...{ trace: undefined, criticality: "normal", signal: undefined },
    ...call,
  };
}
