/** Bodies over HTTP: a peer sends no more than there is room for, and in time. */
import assert from "node:assert/strict";
import { type TestContext, after, test } from "node:test";
import { TestAuthority } from "../wire/testing/authority.ts";
import { until } from "../wire/testing/bench.ts";
import { type Asked, type HttpDoor, listen, openHttpDoor } from "./testing/http-door.ts";

const authority = new TestAuthority();
after(() => authority.close());
const identity = authority.identity("service/callee", "service/caller", "service/other");
const BODY_BYTES = 4_000_000;

const serve = (context: TestContext, output: unknown = 1): Promise<HttpDoor> =>
  openHttpDoor(context, { identity, handle: async () => ({ output, replayed: false }) });

test("a peer whose bodies do not end is held to its bytes; others call as before", async (context) => {
  const { clock, held, ask } = await serve(context);
  const asked = await Promise.all(Array.from({ length: 17 }, () => ask("caller", BODY_BYTES)));
  for (const each of asked) listen(each).socket.write(Buffer.alloc(BODY_BYTES - 1, " "));
  // 64 MiB are 16 bodies of this size.
  const refused = (): readonly Asked[] => asked.filter(({ said }) => said !== "");
  await until(() => refused().length === 1 && held("inputs") >= 16 * (BODY_BYTES - 1));
  assert.match(refused()[0]?.said ?? "", /^HTTP\/1.1 503 [^]*"transport\/not-started"/);
  const other = listen(await ask("other", 2, "service/other"));
  other.socket.write("{}");
  await until(() => other.said.startsWith("HTTP/1.1 200"));
  await clock.advance(20_000);
  await until(() => asked.every(({ isClosed }) => isClosed));
  assert.equal(held("inputs"), 0);
});

test("pieces of a body count for what they take, however small they are", async (context) => {
  const { held, ask } = await serve(context);
  const { socket } = await ask("caller", 200);
  for (let n = 0; n < 100; n += 1) {
    socket.write(" ");
    const before = held("inputs");
    await until(() => held("inputs") > before);
  }
  assert.ok(held("inputs") >= 100 * 200, String(held("inputs")));
});

test("the connection of one who is refused, and goes on with its body, ends in time", async (context) => {
  const { clock, ask } = await serve(context);
  const asked = listen(await ask("stranger", BODY_BYTES));
  await until(() => asked.said.startsWith("HTTP/1.1 403"));
  await clock.advance(20_000);
  // A byte now and then, so that it is never idle.
  await until(() => asked.isClosed || (asked.socket.write(" "), false));
});

test("an answer waits no longer for who does not read it, and is counted until then", async (context) => {
  const { clock, held, ask } = await serve(context, "x".repeat(32_000_000));
  const asked = await ask("caller", 2);
  asked.socket.pause();
  asked.socket.write("{}");
  await until(() => held("outputs") > 32_000_000);
  await clock.advance(20_000);
  await until(() => held("outputs") === 0);
});

test("who leaves too many answers unread gets no more of them; others do", async (context) => {
  const { held, ask } = await serve(context, "x".repeat(32_000_000));
  for (let n = 1; n <= 4; n += 1) {
    const { socket } = await ask("caller", 2);
    socket.pause();
    socket.write("{}");
    await until(() => held("outputs") > 32_000_000 * n);
  }
  const more = await ask("caller", 2);
  listen(more).socket.write("{}");
  await until(() => more.said.includes("\r\n\r\n"));
  assert.match(more.said, /^HTTP\/1.1 503 [^]*"wire\/reply-dropped"/);
  const other = listen(await ask("other", 2, "service/other"));
  other.socket.write("{}");
  await until(() => other.said.startsWith("HTTP/1.1 200"));
});

const brackets = (depth: number): Buffer => Buffer.from("[".repeat(depth) + "]".repeat(depth));
const objects = (count: number): Buffer => Buffer.from(`[${Array(count).fill("{}").join()}]`);

for (const [what, body, status] of [
  ["of 200 levels", brackets(200), 200],
  ["of more levels", brackets(201), 400],
  ["of 200,000 empty objects", objects(200_000), 200],
  ["of more items", objects(200_001), 400],
  ["whose brackets stand in a text", Buffer.from(JSON.stringify(`\\"${"[,".repeat(300_000)}`)), 200],
  ["that is not UTF-8", Buffer.of(0x22, 0xff, 0x22), 400],
] as const)
  test(`a body ${what} is ${status === 200 ? "taken" : "refused"}`, async (context) => {
    const { ask, held } = await serve(context);
    const asked = listen(await ask("caller", body.length));
    asked.socket.write(body);
    await until(() => asked.said.includes("\r\n\r\n"));
    assert.match(asked.said, status === 200 ? /^HTTP\/1.1 200/ : /^HTTP\/1.1 400 [^]*"transport\/call-malformed"/);
    await until(() => held("inputs") === 0);
  });
