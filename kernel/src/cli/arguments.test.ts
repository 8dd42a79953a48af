/** What the command understands, and what it says when it does not; how lines of logs look. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BadCommand } from "../node/fleet/mod.ts";
import { HELP, readCommand } from "./arguments.ts";
import { logText } from "./log-text.ts";

const read = (text: string) => readCommand(text === "" ? [] : text.split(" "));
const folder = "data/fleet";

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
    ["run --services a,b --anything", { do: "run", rest: ["--services", "a,b", "--anything"] }],
  ];
  for (const [text, command] of understood) {
    test(`understands "${text}"`, () => assert.deepEqual(read(text), command));
  }

  const refused: readonly [string, RegExp][] = [
    ["bogus", /There is no command "bogus"/],
    ["toString", /There is no command "toString"/],
    ["scale orders", /Use: isomer scale <name> <number>/],
    ["scale orders many", /takes a whole number from 1 to 1000, not "many"/],
    ["scale orders 0", /takes a whole number/],
    ["ps --port 3", /It has no option --port\. Use: isomer ps/],
    ["ps --watch=yes", /--watch takes no value/],
    ["logs --lines", /--lines takes a value/],
    ["fleet --port 70000", /--port takes a whole number from 1 to 65535/],
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

  test("has a line of help for each thing that it does", () => {
    for (const name of ["fleet", "ps", "logs", "restart", "roll", "scale", "place", "stop", "run"])
      assert.match(HELP, new RegExp(`isomer ${name}\\b`));
    for (const line of HELP.split("\n")) assert.ok(line.length <= 80, line);
  });
});

describe("a line of a log", () => {
  const text = (value: unknown) =>
    logText({ instance: "cart-1", text: typeof value === "string" ? value : JSON.stringify(value) }, 8);

  test("shows time, level and message first, then whatever else there is", () => {
    const line = { level: "warn", time: "2026-01-02T03:04:05.678Z", message: "Slow.", ms: 12, who: { a: 1 }, at: "x" };
    assert.equal(text(line), 'cart-1   │ 03:04:05.678 WARN  Slow. ms=12 who={"a":1} at=x');
  });

  test("that is no JSON is shown as it is", () => {
    assert.equal(text("Error: boom"), "cart-1   │ Error: boom");
    assert.equal(text("{ not json"), "cart-1   │ { not json");
  });
});
