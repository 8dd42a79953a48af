import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Broken, type Logger } from "../std/mod.ts";
import { LINE_MAX, type LoggerOptions, jsonLogger, prettyLogger } from "./logger.ts";

function collect(make: (options: LoggerOptions) => Logger, options: LoggerOptions = {}): [Logger, string[]] {
  const lines: string[] = [];
  return [make({ now: () => 0, write: (line) => void lines.push(line), ...options }), lines];
}

function only(lines: readonly string[]): Record<string, unknown> {
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? "") as Record<string, unknown>;
}

void test("a record is one line of JSON with time, level and message first", () => {
  const [log, lines] = collect(jsonLogger);
  log.info("order placed", { orderId: "o1", total: 1200 });
  assert.equal(
    lines[0],
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"order placed","orderId":"o1","total":1200}\n',
  );
});

void test("levels below the least are not written", () => {
  const [log, lines] = collect(jsonLogger, { level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.with({ x: 1 }).info("d");
  assert.equal(lines.length, 1);
});

void test("bound fields are added, own fields win, and neither replaces what every record has", () => {
  const [log, lines] = collect(jsonLogger);
  log.with({ service: "orders", a: 1 }).with({ a: 2 }).error("x", { message: "y", level: "z" });
  const record = only(lines);
  assert.deepEqual([record["service"], record["a"], record["message"], record["level"]], ["orders", 2, "x", "error"]);
  assert.deepEqual([record["_message"], record["_level"]], ["y", "z"]);
});

void test("errors carry their stack, cause and fault fields", () => {
  const [log, lines] = collect(jsonLogger);
  log.error("failed", { error: Broken.with(undefined, { cause: new TypeError("deep") }) });
  const error = only(lines)["error"] as Record<string, unknown>;
  assert.equal(error["code"], "kernel/broken");
  assert.match(String(error["stack"]), /logger\.test\.ts/);
  assert.equal((error["cause"] as Record<string, unknown>)["message"], "deep");
});

void test("hostile values neither throw nor break the line", () => {
  const circular: Record<string, unknown> = { name: "loop" };
  circular["self"] = circular;
  const hostile = {
    circular,
    big: 10n ** 30n,
    nan: Number.NaN,
    none: undefined,
    call: () => 1,
    symbol: Symbol("s"),
    breaks: "a\nb\r\u2028c\u0085d\u001b[31m",
    proxy: new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no keys");
        },
      },
    ),
    get getter() {
      throw new Error("no value");
    },
    json: {
      toJSON: () => {
        throw new Error("no json");
      },
    },
    bytes: new Uint8Array(1_000_000),
    badDate: new Date(Number.NaN),
    map: new Map([["k", 1]]),
    ["__proto__x"]: JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
  };
  const [log, lines] = collect(jsonLogger);
  log.info("hostile\nmessage", hostile);
  const record = only(lines);
  assert.equal(lines[0]?.split(/[\n\r\u2028\u2029\u0085]/).length, 2);
  assert.deepEqual(record["circular"], { name: "loop", self: "[circular]" });
  assert.equal(record["getter"], "[not readable: no value]");
  assert.equal(record["proxy"], "[not readable: no keys]");
  assert.equal(record["bytes"], "[1000000 bytes]");
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

void test("a line is bounded, however much there is to say", () => {
  const [log, lines] = collect(jsonLogger);
  log.info("x".repeat(1_000_000), {
    wide: Array.from({ length: 10_000 }, () => "y".repeat(10_000)),
  });
  assert.ok((lines[0]?.length ?? 0) <= LINE_MAX);
  assert.equal(only(lines)["truncated"], true);
  let deep: unknown = "end";
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  log.info("deep", { deep });
  assert.ok((lines[1]?.length ?? 0) < 500);
});

void test("any value at all gives one line that reads back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.dictionary(fc.string(), fc.anything()), (message, fields) => {
      const [log, lines] = collect(jsonLogger);
      log.info(message, fields);
      return only(lines)["level"] === "info" && /^[^\n]+\n$/.test(lines[0] ?? "");
    }),
  );
});

void test("the terminal form shows stacks on lines of their own and obeys no control characters", () => {
  const [log, lines] = collect((options) => prettyLogger({ ...options, colours: false }));
  log.error("failed \u001b[2J", { error: new Error("bad\nnews"), sku: "A-1" });
  const [first = "", ...stack] = (lines[0] ?? "").split("\n");
  assert.equal(first, "00:00:00.000 error failed \\u001b[2J error=Error bad\\u000anews sku=A-1");
  assert.ok(stack.length > 2);
});
