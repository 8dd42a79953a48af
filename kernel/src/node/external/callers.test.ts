/** Callers over HTTP that go before they are answered, and what is left of their calls; and a server that goes. */
import assert from "node:assert/strict";
import { type TestContext, after, test } from "node:test";
import { type Logger, silentLogger } from "../../std/mod.ts";
import { CALL_BYTES } from "../wire/mod.ts";
import { TestAuthority } from "../wire/testing/authority.ts";
import { until } from "../wire/testing/bench.ts";
import { headOf, listen, openHttpDoor } from "./testing/http-door.ts";

const authority = new TestAuthority();
after(() => authority.close());
const identity = authority.identity("service/callee", "service/caller", "service/other");

/** A server whose calls go on until the test ends them, and how many there are. */
async function serve(context: TestContext, log?: Logger) {
  const { promise: held, resolve: finish } = Promise.withResolvers<void>();
  const calls = { begun: 0, over: 0 };
  const door = await openHttpDoor(context, {
    ...{ identity, ...(log === undefined ? {} : { log }) },
    async handle() {
      calls.begun += 1;
      await held;
      calls.over += 1;
      return { output: "x".repeat(1_000_000), replayed: false };
    },
  });
  return { ...door, calls, finish };
}

test("an answer to a caller who has gone is held for nobody", async (context) => {
  const { ask, held, calls, finish } = await serve(context);
  const { socket } = await ask("caller", 2);
  socket.write("{}");
  await until(() => calls.begun === 1);
  socket.destroy();
  await until(() => held("inputs") > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  finish();
  await until(() => calls.over === 1 && held("inputs") === 0);
  assert.equal(held("outputs"), 0);
});

test("a call holds room until it has ended, however short it is, and whether its caller waits or not", async (context) => {
  const { ask, held, calls, finish } = await serve(context);
  const { socket } = await ask("caller", 2);
  // Several calls one after another on a connection, without waiting for their answers.
  socket.write(`{}${`${headOf("caller", 2)}{}`.repeat(9)}`);
  await until(() => calls.begun === 10);
  assert.ok(held("inputs") >= 10 * CALL_BYTES, String(held("inputs")));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(held("inputs") >= 10 * CALL_BYTES, String(held("inputs")));
  finish();
  await until(() => held("inputs") === 0);
});

test("who goes in the middle of a body is no failure of the server", async (context) => {
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, error: (message) => void lines.push(message), with: () => log };
  const { ask, held } = await serve(context, log);
  const { socket } = await ask("caller", 100);
  socket.write("{");
  await until(() => held("inputs") > 0);
  socket.destroy();
  await until(() => held("inputs") === 0);
  assert.deepEqual(lines, []);
});

test("a server that ends says so with its last answer on each connection, and waits for no other call", async (context) => {
  const { ask, server, calls, finish } = await serve(context);
  const asked = listen(await ask("caller", 2));
  asked.socket.write("{}");
  await until(() => calls.begun === 1);
  const closed = server.close();
  finish();
  await closed;
  assert.match(asked.said, /^HTTP\/1.1 200 [^]*\r\nconnection: close\r\n/i);
});
