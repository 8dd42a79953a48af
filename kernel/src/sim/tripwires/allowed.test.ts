import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { ServerResponse, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { PassThrough, promises as streams } from "node:stream";
import { test } from "node:test";
import { setImmediate as immediately } from "node:timers";
import { inspect } from "node:util";
import * as zlib from "node:zlib";
import { TRIPS_MAX, UncontrolledSource, armTripwires, sourceNames } from "../mod.ts";

const data = Buffer.from("data");
const keys = crypto.generateKeyPairSync("ed25519");

/** What simulated code may do, and what comes of it. */
const ALLOWED: Readonly<Record<string, () => unknown>> = {
  "dates from a number": () => [new Date(5).getTime(), new Date(5) instanceof Date, new Date(5).constructor === Date],
  "dates from texts": () => [new Date("2020-01-01").toISOString(), Date.parse("2020-01-01T00:00:00+01:00")],
  "dates of dates": () => [Number(new Date(new Date(7))), new Date(1) < new Date(2), Date.UTC(2020, 1)],
  "dates as JSON and for people": () => [JSON.stringify(new Date(0)), inspect(new Date(0)), new Date(0).toUTCString()],
  "UTC parts of a date": () => [new Date(0).getUTCHours(), new Date(0).setUTCDate(3), new Date(9).getMilliseconds()],
  "dates in a named zone": () => new Date(0).toLocaleString("en", { timeZone: "Europe/Paris" }),
  "classes that extend Date": () => {
    class Day extends Date {}
    return [
      new Day(4) instanceof Day,
      new Day(4) instanceof Date,
      new Day(4).getTime(),
      Object.prototype.toString.call(new Day(4)),
    ];
  },
  "formats in a named zone": () => new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(new Date(0)),
  "one format function per formatter": () => {
    const format = new Intl.DateTimeFormat("en", { timeZone: "UTC" });
    return format.format === format.format;
  },
  "numbers and collation": () => [
    new Intl.NumberFormat("en").format(1234.5),
    new Intl.Collator("de").compare("a", "b"),
  ],
  "hashes and macs": () => [
    crypto.createHash("sha256").update(data).digest("hex"),
    crypto.hash("sha256", data),
    crypto.createHmac("sha256", "key").update(data).digest("hex"),
  ],
  signatures: () => crypto.verify(null, data, keys.publicKey, crypto.sign(null, data, keys.privateKey)),
  "keys from what is given": () => crypto.createPublicKey(keys.privateKey).export({ format: "jwk" }).kty,
  "key derivation at once": () => [crypto.scryptSync("a", "b", 8), crypto.pbkdf2Sync("a", "b", 1, 8, "sha256")],
  "comparison in constant time": () => crypto.timingSafeEqual(data, data),
  "compression at once": () => zlib.gunzipSync(zlib.gzipSync("x")).toString(),
  "SQLite in memory": () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)");
    const rows = database.prepare("SELECT sum(a) AS sum FROM t").get();
    database.close();
    return rows?.["sum"];
  },
  "AsyncLocalStorage across promises": () => {
    const storage = new AsyncLocalStorage<number>();
    return storage.run(5, async () => {
      await Promise.resolve();
      return storage.getStore();
    });
  },
  "microtasks and ticks": () => new Promise((resolve) => queueMicrotask(() => process.nextTick(() => resolve(1)))),
  "abort controllers": () => {
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal]);
    controller.abort(new Error("enough"));
    return [signal.aborted, (signal.reason as Error).message];
  },
  events: async () => {
    const emitter = new EventEmitter();
    const heard = once(emitter, "x");
    emitter.emit("x", 1);
    return [await heard, new EventTarget().dispatchEvent(new Event("x"))];
  },
  streams: async () => {
    const through = new PassThrough();
    through.end("text");
    let text = "";
    for await (const chunk of through) text += String(chunk);
    await streams.pipeline(new PassThrough().end("x"), new PassThrough().resume());
    return [text, await new Response("hello").text(), await new Blob(["blob"]).text()];
  },
  "texts and copies": () => [
    new TextDecoder().decode(new TextEncoder().encode("hé")),
    structuredClone({ at: new Date(3), many: new Map([[1, 2]]) }),
    Buffer.from("x").toString("base64url"),
    new URL("http://a/b?c=d").searchParams.get("c"),
  ],
  "modules that are loaded": async () => Object.keys(await import("../../std/mod.ts")).includes("toInstant"),
  "built-in modules": async () => Object.keys(await import("node:readline")).includes("createInterface"),
  "shared memory, without waiting": () => Atomics.add(new Int32Array(new SharedArrayBuffer(4)), 0, 1),
  "messages of HTTP without a socket": () => new ServerResponse(new IncomingMessage(undefined as never)).statusCode,
  "looking at addresses": () => isIP("127.0.0.1"),
  "errors and assertions": () => {
    assert.throws(() => assert.deepEqual({ a: 1 }, { a: 2 }), assert.AssertionError);
    return new Error("x", { cause: 1 }).cause;
  },
};

for (const [name, use] of Object.entries(ALLOWED)) {
  void test(`${name}: as without tripwires`, async () => {
    const expected = inspect(await use(), { depth: 9 });
    const wires = armTripwires();
    let result: unknown;
    try {
      result = await use();
    } finally {
      wires.disarm();
    }
    assert.equal(inspect(result, { depth: 9 }), expected);
    assert.deepEqual(wires.trips, []);
  });
}

/** Where an error was made, as its stack tells: `file:line`. */
const placeOf = (stack: string | undefined): string => /([^/(]+\.ts:\d+):\d+\)?$/m.exec(stack ?? "")?.[1] ?? "nowhere";

void test("a trip points at the caller's line, says what was used, and what to use instead", () => {
  const wires = armTripwires();
  const above = placeOf(new Error("here").stack);
  const uses = [
    () => [Date.now(), "a library's line would be", "as good as ours"],
    () => [new Date(), "a class's constructor", "leaves the wire out of the stack"],
    () => [readFileSync("x"), "an import by name", "is bound to the wire"],
    () => [performance.timeOrigin, "a getter", "has a frame of its own too"],
  ];
  const errors = uses.map((use) => {
    try {
      use();
    } catch (error) {
      return error as UncontrolledSource;
    }
    return undefined;
  });
  wires.disarm();
  const line = Number(above.split(":")[1]) + 2;
  assert.deepEqual(
    errors.map((error) => placeOf(error?.stack)),
    uses.map((_, index) => `allowed.test.ts:${line + index}`),
  );
  assert.deepEqual(
    errors.map((error) => error?.message),
    [
      "Date.now is not decided by the seed. Use the Clock port (now, monotonicMs).",
      "new Date() is not decided by the seed. Use the Clock port (now, monotonicMs).",
      "node:fs.readFileSync is not decided by the seed. Use the Storage port.",
      "performance.timeOrigin is not decided by the seed. Use the Clock port (now, monotonicMs).",
    ],
  );
  assert.deepEqual(
    wires.trips.map(({ stack }) => stack),
    errors.map((error) => error?.stack),
  );
});

const swallowed = (use: () => unknown): void => {
  try {
    use();
  } catch {
    // As code does that has a default for when reading fails.
  }
};

void test("a trip that was swallowed is still told, and they are bounded", () => {
  const wires = armTripwires();
  swallowed(() => Math.random());
  swallowed(() => Date());
  assert.deepEqual(
    wires.trips.map(({ source, use }) => [source, use]),
    [
      ["Math.random", "Math.random"],
      ["Date", "Date()"],
    ],
  );
  for (let n = 0; n < TRIPS_MAX + 10; n += 1) swallowed(() => Math.random());
  wires.disarm();
  assert.equal(wires.trips.length, TRIPS_MAX);
});

void test("trips belong to the wires that were armed: the next ones begin with none", () => {
  const first = armTripwires();
  swallowed(() => Date.now());
  first.disarm();
  const second = armTripwires();
  second.disarm();
  assert.deepEqual([first.trips.length, second.trips.length], [1, 0]);
});

void test("arming what is armed is an error, and leaves it armed; disarming twice does nothing", () => {
  const wires = armTripwires();
  assert.throws(() => armTripwires(), /are armed/);
  assert.throws(() => Date.now(), UncontrolledSource);
  wires.disarm();
  const next = armTripwires();
  wires.disarm();
  assert.throws(() => Date.now(), UncontrolledSource);
  next.disarm();
  next.disarm();
  assert.equal(typeof Date.now(), "number");
});

void test("what runs outside reaches the originals, only while it runs, also when it throws", () => {
  const wires = armTripwires();
  try {
    assert.equal(typeof wires.runOutside(() => performance.now()), "number");
    assert.throws(() => performance.now(), UncontrolledSource);
    assert.throws(() => wires.runOutside(() => assert.fail("inside")), /inside/);
    assert.throws(() => new Date(), UncontrolledSource);
    wires.runOutside(() => wires.runOutside(() => Date.now()) + Date.now());
    assert.equal(wires.trips.length, 2);
    wires.runOutside(() => wires.disarm());
    assert.equal(typeof Date.now(), "number");
  } finally {
    wires.disarm();
  }
});

void test("sources may be allowed, by name or by what names begin with, whatever else leads to them", async () => {
  const wires = armTripwires({ allow: ["node:fs", "setImmediate", "Date.now", "process.hrtime"] });
  try {
    assert.equal(typeof Date.now(), "number");
    assert.equal(readFileSync(import.meta.filename).length > 0, true);
    assert.equal(typeof process.hrtime.bigint(), "bigint");
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => immediately(resolve));
    assert.throws(() => new Date(), UncontrolledSource);
    assert.throws(() => setTimeout(() => undefined), UncontrolledSource);
  } finally {
    wires.disarm();
  }
  assert.ok(sourceNames().includes("Date.now"));
});

void test("allowing what is no source is an error, and arms nothing", () => {
  assert.throws(() => armTripwires({ allow: ["Date.then"] }), /no source "Date.then"/);
  assert.throws(() => armTripwires({ allow: ["node:f"] }), /no source "node:f"/);
  assert.equal(typeof Date.now(), "number");
  armTripwires().disarm();
});

void test("a function that was taken while armed works when nothing is armed", () => {
  const wires = armTripwires();
  const [now, Kept] = [Date.now, Date];
  class Later extends Date {}
  class Reference extends WeakRef<object> {}
  wires.disarm();
  assert.equal(typeof now(), "number");
  assert.ok(new Reference({}) instanceof Reference && new Reference(wires).deref() === wires);
  assert.ok(new Kept() instanceof Date && new Later() instanceof Later && typeof Kept() === "string");
});

void test("what was put in a source's place by others is wired, and put back", (context) => {
  const mine = context.mock.method(Math, "random", () => 4);
  const [wires, mocked] = [armTripwires(), mine.mock];
  assert.throws(() => Math.random(), UncontrolledSource);
  wires.disarm();
  assert.equal(Math.random(), 4);
  mocked.restore();
  armTripwires().disarm();
  assert.notEqual(Math.random(), 4);
});

void test("a captured Date.now is not seen: the limit that the lint rule is for", () => {
  const now = Date.now;
  const wires = armTripwires();
  try {
    assert.equal(typeof now(), "number");
    assert.throws(() => Date.now(), UncontrolledSource);
  } finally {
    wires.disarm();
  }
});

void test("the console works while armed, and a module that is not loaded trips", () => {
  const script = `
    import { armTripwires } from ${JSON.stringify(new URL("arm.ts", import.meta.url).href)};
    const wires = armTripwires();
    console.log("out", new Date(0));
    console.error("err");
    console.table([{ a: 1 }]);
    process.emitWarning("a warning");
    const missing = await import(${JSON.stringify(new URL("../../std/mod.ts", import.meta.url).href)}).catch((error) => error.name);
    console.log(missing);
    wires.disarm();
    console.log(wires.trips.map(({ source }) => source).join());`;
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  assert.match(out, /^out 1970-01-01T00:00:00.000Z\n/);
  assert.match(out, /\nUncontrolledSource\nnode:fs.realpathSync\n$/);
});
