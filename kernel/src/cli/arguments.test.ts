/** What the command understands, and what it says when it does not; how lines of logs look. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BadCommand } from "../node/fleet/mod.ts";
import { HELP, helpOf, readCommand } from "./arguments.ts";
import { logText } from "./log-text.ts";

const read = (text: string) => readCommand(text === "" ? [] : text.split(" "));
const folder = "fleet-data";

describe("the command", () => {
  const understood: readonly [string, unknown][] = [
    ["", { do: "help" }],
    ["help roll", { do: "help", about: "roll" }],
    ["roll --help", { do: "help", about: "roll" }],
    ["fleet", { do: "fleet", folder }],
    ["fleet --port 4000 --data x --placement p.json", { do: "fleet", folder: "x", port: 4_000, placement: "p.json" }],
    ["ps -w", { do: "ps", folder, watch: true, json: false }],
    ["logs", { do: "logs", folder, names: [], follow: false, lines: 20, json: false }],
    [
      "logs orders cart-2 -f -n 5",
      { do: "logs", folder, names: ["orders", "cart-2"], follow: true, lines: 5, json: false },
    ],
    ["restart orders --data=y", { do: "restart", folder: "y", name: "orders" }],
    [
      "roll orders --entry /b/main.ts --version-label 2.0",
      { do: "roll", folder, name: "orders", entry: "/b/main.ts", label: "2.0" },
    ],
    ["scale orders 3", { do: "scale", folder, name: "orders", replicas: 3 }],
    ["place cart shopping", { do: "place", folder, service: "cart", group: "shopping" }],
    ["stop", { do: "stop", folder }],
    ["dead-letters --json", { do: "dead-letters", folder, json: true }],
    ["consumers", { do: "consumers", folder, json: false }],
    ["dead-letters --after a/b/c/1", { do: "dead-letters", folder, json: false, after: "a/b/c/1" }],
    ["sagas checkout --after s1", { do: "sagas", folder, json: false, service: "checkout", after: "s1" }],
    ["sagas checkout --status stuck", { do: "sagas", folder, json: false, service: "checkout", status: "stuck" }],
    ["redrive all", { do: "redrive", folder, json: false, event: "all" }],
    ["discard e1", { do: "discard", folder, json: false, event: "e1" }],
    ["retry-saga checkout s1", { do: "retry-saga", folder, json: false, service: "checkout", saga: "s1" }],
    ["abort-saga checkout s1", { do: "abort-saga", folder, json: false, service: "checkout", saga: "s1" }],
    ["skip cart cart users", { do: "skip", folder, json: false, service: "cart", consumer: "cart", source: "users" }],
    ["rewind orders --to 0", { do: "rewind", folder, json: false, service: "orders", to: 0 }],
    [
      "rewind orders --to 2026-11-01T12:00Z",
      { do: "rewind", folder, json: false, service: "orders", to: new Date("2026-11-01T12:00Z") },
    ],
    ["run --services a,b --anything", { do: "run", rest: ["--services", "a,b", "--anything"] }],
  ];
  for (const [text, command] of understood) {
    test(`understands "${text}"`, () => assert.deepEqual(read(text), command));
  }

  const refused: readonly [string, RegExp][] = [
    ["rewind orders", /It takes --to: .*Use: isomer rewind <service> --to/],
    ["--data x ps", /The command comes first, then --data/],
    ["rewind orders --to yesterday", /--to takes a position .* not "yesterday"/],
    ["redrive", /Use: isomer redrive <event \| all>/],
    ["bogus", /There is no command "bogus"/],
    ["discard all", /discard takes one event/],
    ["restart constructor now", /Use: isomer restart <name>/],
    ["toString", /There is no command "toString"/],
    ["scale orders", /Use: isomer scale <name> <number>/],
    ["scale orders many", /takes a whole number from 1 to 32, not "many"/],
    ["scale orders 0", /takes a whole number/],
    ["ps --port 3", /It has no option --port\. Use: isomer ps/],
    ["ps --watch=yes", /--watch takes no value/],
    ["logs --lines", /--lines takes a value/],
    ["fleet --port 70000", /--port takes a whole number from 1 to 65503/],
    ["stop now", /Use: isomer stop/],
  ];
  for (const [text, message] of refused) {
    test(`says what is wrong with "${text}"`, () => {
      assert.throws(
        () => read(text),
        (error) => BadCommand.is(error) && message.test(error.message),
      );
    });
  }

  test("is explained alone when that is asked", () => {
    assert.match(helpOf("roll"), /^ {2}isomer roll <name>.*\n.*--entry.*\n.*--version-label.*\n\n {2}A name is /);
    assert.doesNotMatch(helpOf("roll"), /isomer (?:restart|scale)/);
    assert.equal(helpOf(), HELP);
    assert.throws(() => helpOf("bogus"), /There is no command "bogus"/);
  });

  test("has a line of help for each thing that it does", () => {
    for (const name of [
      "fleet",
      "ps",
      "logs",
      "restart",
      "roll",
      "scale",
      "place",
      "stop",
      "run",
      "dead-letters",
      "redrive",
      "sagas",
      "skip",
      "rewind",
    ])
      assert.match(HELP, new RegExp(`isomer ${name}\\b`));
    for (const line of HELP.split("\n")) assert.ok(line.length <= 80, line);
  });
});

describe("a line of a log", () => {
  const text = (value: unknown) =>
    logText({ instance: "cart-1", text: typeof value === "string" ? value : JSON.stringify(value) }, 8);

  test("shows time, level and message first, then whatever else there is", () => {
    const line = { level: "warn", time: "2026-01-02T03:04:05.678Z", message: "Slow.", ms: 12, who: { a: 1 }, at: "x" };
    assert.equal(text({ ...line, instance: "cart-1" }), text(line), "who it is stands in front");
    assert.equal(text(line), 'cart-1   │ 03:04:05.678 WARN  Slow. ms=12 who={"a":1} at=x');
  });

  test("says of a fault what it says, and of a bug where it was met", () => {
    const stack = "Fault: No.\n    at one (file:///a.ts:1:2)\n    at two (file:///b.ts:3:4)";
    const fault = { name: "Fault", message: "No.", code: "a/b", kind: "invalid", data: { n: 1 }, stack };
    const line = { level: "error", message: "It could not start." };
    assert.equal(text({ ...line, error: fault }), "cart-1   │ ERROR It could not start. error=a/b: No.");
    const bug = { name: "TypeError", message: "x is no function", stack, cause: fault };
    assert.deepEqual(text({ ...line, error: bug }).split("\n"), [
      "cart-1   │ ERROR It could not start. error=TypeError: x is no function, because of a/b: No.",
      "cart-1   │     at one (file:///a.ts:1:2)",
      "cart-1   │     at two (file:///b.ts:3:4)",
    ]);
    const noFile = { name: "Error", code: "ENOENT", message: "ENOENT: no such file", stack };
    assert.equal(text({ ...line, error: noFile }), "cart-1   │ ERROR It could not start. error=ENOENT: no such file");
    assert.doesNotMatch(text({ ...line, level: "warn", error: bug }), / at one/, "a warning is no bug");
  });

  test("that is no JSON is shown as it is", () => {
    assert.equal(text("Error: boom"), "cart-1   │ Error: boom");
    assert.equal(text("{ not json"), "cart-1   │ { not json");
  });
});
