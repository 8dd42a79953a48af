import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as dgram from "node:dgram";
import * as dns from "node:dns";
import * as dnsPromises from "node:dns/promises";
import * as fs from "node:fs";
import * as fsPromises from "node:fs/promises";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as perfHooks from "node:perf_hooks";
import * as realProcess from "node:process";
import sqlite from "node:sqlite";
import { test } from "node:test";
import * as timers from "node:timers";
import * as timersPromises from "node:timers/promises";
import * as tls from "node:tls";
import { promisify } from "node:util";
import * as v8 from "node:v8";
import * as vm from "node:vm";
import * as workers from "node:worker_threads";
import * as zlib from "node:zlib";
import { UncontrolledSource } from "./alarm.ts";
import { armTripwires, sourceNames } from "./arm.ts";
import type { Source } from "./source.ts";
import { sourcesOfChance } from "./sources-chance.ts";
import { sourcesOfMachine } from "./sources-machine.ts";
import { sourcesOfThreads } from "./sources-threads.ts";
import { sourcesOfTime } from "./sources-time.ts";

/** Uses by global names and by named imports: the properties of a namespace are the bindings that `import { x }` gives. */
type Uses = Readonly<Record<string, () => unknown>>;

const nothing = (): void => undefined;
const bytes = new Uint8Array(8);
const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const global: Record<string, new (...args: unknown[]) => unknown> = Object(globalThis);
const webAssembly = Reflect.get(globalThis, "WebAssembly") as Record<string, (source: unknown) => Promise<unknown>>;
const nowhere = "/nowhere/at/all";
const aDate = new Date(0);
const aFormat = new Intl.DateTimeFormat("en", { timeZone: "UTC" });
const anEvent = new Event("x");
const aRef = new WeakRef(aDate);
const keys = crypto.generateKeyPairSync("ed25519");
const shared = new Int32Array(new SharedArrayBuffer(4));

const bindings = (): readonly unknown[] => [
  ...[fs.readFileSync, timers.setTimeout, crypto.randomUUID, zlib.createGzip, realProcess.hrtime, net.Socket],
];
/** What imports by name were bound to before anything was armed. */
const BOUND = bindings();

const TIME: Uses = {
  "Date.now": () => Date.now(),
  "new Date()": () => new Date(),
  "Date()": () => Date(),
  "new date.constructor()": () => new (aDate.constructor as DateConstructor)(),
  "a local date from numbers": () => new Date(2020, 1, 1),
  "a local date from a text": () => new Date("2020-01-01T00:00:00"),
  "Date.parse of a local text": () => Date.parse("2020-01-01T00:00"),
  getTimezoneOffset: () => aDate.getTimezoneOffset(),
  getHours: () => aDate.getHours(),
  setDate: () => new Date(0).setDate(1),
  "Date to text": () => `${String(aDate)}`,
  toLocaleString: () => aDate.toLocaleString("en"),
  toLocaleDateString: () => aDate.toLocaleDateString(),
  toLocaleTimeString: () => aDate.toLocaleTimeString("en", { hour: "numeric" }),
  "Intl.DateTimeFormat without a zone": () => new Intl.DateTimeFormat("en"),
  "Intl format": () => aFormat.format(),
  "Intl formatToParts": () => aFormat.formatToParts(),
  "performance.now": () => performance.now(),
  "performance.timeOrigin": () => performance.timeOrigin,
  "performance.mark": () => performance.mark("x"),
  "performance.measure": () => performance.measure("x"),
  "performance.timerify": () => performance.timerify(nothing),
  "performance.eventLoopUtilization": () => performance.eventLoopUtilization(),
  "performance.toJSON": () => performance.toJSON(),
  "performance.nodeTiming": () => performance.nodeTiming,
  PerformanceMark: () => Reflect.construct(perfHooks.PerformanceMark, ["x"]),
  PerformanceObserver: () => new perfHooks.PerformanceObserver(nothing),
  "perf_hooks.performance.now": () => perfHooks.performance.now(),
  "perf_hooks.monitorEventLoopDelay": () => perfHooks.monitorEventLoopDelay(),
  "perf_hooks.timerify": () => perfHooks.timerify(nothing),
  "process.hrtime": () => process.hrtime(),
  "process.hrtime.bigint": () => process.hrtime.bigint(),
  "node:process hrtime": () => realProcess.hrtime(),
  "node:process hrtime.bigint": () => realProcess.hrtime.bigint(),
  "process.uptime": () => process.uptime(),
  "event.timeStamp": () => anEvent.timeStamp,
  "console.time": () => (console.time("x"), console.timeEnd("x")),
  "new File": () => new File([], "x"),
};

const TIMERS: Uses = {
  setTimeout: () => clearTimeout(setTimeout(nothing, 1)),
  setInterval: () => clearInterval(setInterval(nothing, 1)),
  setImmediate: () => clearImmediate(setImmediate(nothing)),
  "node:timers setTimeout": () => clearTimeout(timers.setTimeout(nothing, 1)),
  "node:timers setInterval": () => clearInterval(timers.setInterval(nothing, 1)),
  "node:timers setImmediate": () => clearImmediate(timers.setImmediate(nothing)),
  "timers/promises setTimeout": () => timersPromises.setTimeout(0),
  "timers/promises setImmediate": () => timersPromises.setImmediate(),
  "timers/promises setInterval": () => timersPromises.setInterval(1),
  "scheduler.wait": () => timersPromises.scheduler.wait(0),
  "scheduler.yield": () => timersPromises.scheduler.yield(),
  "node:timers promises": () => timers.promises.setTimeout(0),
  "promisify(setTimeout)": () => promisify(setTimeout)(0),
  "promisify(setImmediate)": () => promisify(setImmediate)(),
  "AbortSignal.timeout": () => AbortSignal.timeout(0),
};

const CHANCE: Uses = {
  "Math.random": () => Math.random(),
  "crypto.getRandomValues": () => globalThis.crypto.getRandomValues(bytes),
  "crypto.randomUUID": () => globalThis.crypto.randomUUID(),
  "crypto.subtle.digest": () => globalThis.crypto.subtle.digest("SHA-256", bytes),
  "crypto.subtle.generateKey": () => globalThis.crypto.subtle.generateKey("Ed25519", true, ["sign"]),
  "webcrypto.subtle": () => crypto.webcrypto.subtle.digest("SHA-256", bytes),
  "node:crypto getRandomValues": () => crypto.getRandomValues(bytes),
  randomBytes: () => crypto.randomBytes(8),
  "randomBytes with a callback": () => crypto.randomBytes(8, nothing),
  randomUUID: () => crypto.randomUUID(),
  randomInt: () => crypto.randomInt(5),
  randomFill: () => crypto.randomFill(bytes, nothing),
  randomFillSync: () => crypto.randomFillSync(bytes),
  generateKey: () => crypto.generateKey("hmac", { length: 64 }, nothing),
  generateKeySync: () => crypto.generateKeySync("hmac", { length: 64 }),
  generateKeyPair: () => crypto.generateKeyPair("ed25519", {}, nothing),
  generateKeyPairSync: () => crypto.generateKeyPairSync("ed25519"),
  generatePrime: () => crypto.generatePrime(16, nothing),
  generatePrimeSync: () => crypto.generatePrimeSync(16),
  checkPrime: () => crypto.checkPrime(7n, nothing),
  argon2: () => crypto.argon2("argon2id", {} as crypto.Argon2Parameters, nothing),
  scrypt: () => crypto.scrypt("a", "b", 8, nothing),
  pbkdf2: () => crypto.pbkdf2("a", "b", 1, 8, "sha256", nothing),
  hkdf: () => crypto.hkdf("sha256", "a", "b", "c", 8, nothing),
  "sign with a callback": () => crypto.sign(null, bytes, keys.privateKey, nothing),
  "verify with a callback": () => crypto.verify(null, bytes, keys.publicKey, bytes, nothing),
  publicEncrypt: () => crypto.publicEncrypt("", bytes),
  "ECDH generateKeys": () => crypto.createECDH("prime256v1").generateKeys(),
  "Diffie-Hellman generateKeys": () => crypto.getDiffieHellman("modp14").generateKeys(),
  createDiffieHellman: () => crypto.createDiffieHellman(8),
  createObjectURL: () => URL.createObjectURL(new Blob([])),
};

const THREADS: Uses = {
  "zlib.gzip": () => zlib.gzip("x", nothing),
  "zlib.brotliDecompress": () => zlib.brotliDecompress("x", nothing),
  "zlib.createGzip": () => zlib.createGzip(),
  "new zlib.Inflate": () => Reflect.construct(Reflect.get(zlib, "Inflate"), []),
  "promisify(zlib.gzip)": async () => promisify(zlib.gzip)("x"),
  CompressionStream: () => new CompressionStream("gzip"),
  DecompressionStream: () => new DecompressionStream("gzip"),
  WeakRef: () => new WeakRef(aDate),
  "WeakRef.deref": () => aRef.deref(),
  FinalizationRegistry: () => new FinalizationRegistry(nothing),
  "Atomics.wait": () => Atomics.wait(shared, 0, 1, 0),
  "Atomics.waitAsync": () => Atomics.waitAsync(shared, 0, 1, 0),
  "WebAssembly.compile": () => webAssembly["compile"]?.(wasm),
  "WebAssembly.instantiate": () => webAssembly["instantiate"]?.(wasm),
  MessageChannel: () => new MessageChannel(),
  BroadcastChannel: () => new BroadcastChannel("x").close(),
  "worker_threads MessageChannel": () => new workers.MessageChannel(),
  "worker_threads BroadcastChannel": () => new workers.BroadcastChannel("x").close(),
  Worker: () => new workers.Worker(nowhere, { argv: 1 as unknown as string[] }),
  "a database in a file": () => new sqlite.DatabaseSync(`${nowhere}.db`),
  "sqlite.backup": () => sqlite.backup(new sqlite.DatabaseSync(":memory:"), nowhere),
  "v8.getHeapStatistics": () => v8.getHeapStatistics(),
  "vm.createContext": () => vm.createContext(),
  "vm.runInNewContext": () => vm.runInNewContext("Date.now()"),
};

const MACHINE: Uses = {
  "fs.readFileSync": () => fs.readFileSync(nowhere),
  "fs.existsSync": () => fs.existsSync(nowhere),
  "fs.readFile": () => fs.readFile(nowhere, nothing),
  "fs.promises": () => fs.promises.readFile(nowhere),
  "fs/promises": () => fsPromises.readFile(nowhere),
  "fs.createReadStream": () => fs.createReadStream(nowhere).on("error", nothing),
  "new fs.ReadStream": () => new fs.ReadStream(nowhere as never).on("error", nothing),
  "fs.realpath.native": () => fs.realpath.native(nowhere, nothing),
  "fs.realpathSync.native": () => fs.realpathSync.native(nowhere),
  "promisify(fs.exists)": () => promisify(fs.exists)(nowhere),
  "net.connect": () => net.connect({ path: nowhere }).on("error", nothing),
  "net.createServer": () => net.createServer(),
  "new net.Socket": () => new net.Socket(),
  "http.request": () => http.request({ socketPath: nowhere }).on("error", nothing).destroy(),
  "http.createServer": () => http.createServer(),
  "new http.Agent": () => new http.Agent(),
  "https.request": () => https.request({ socketPath: nowhere }).on("error", nothing).destroy(),
  "http2.connect": () => http2.connect("nothing:"),
  "http2.createServer": () => http2.createServer(),
  "tls.connect": () => tls.connect({ path: nowhere }).on("error", nothing),
  "tls.createServer": () => tls.createServer(),
  "dgram.createSocket": () => dgram.createSocket("udp4").close(),
  "dns.lookup": () => dns.lookup("127.0.0.1", nothing),
  "dns.promises": () => dns.promises.lookup("127.0.0.1"),
  "dns/promises": () => dnsPromises.lookup("127.0.0.1"),
  "new dns.Resolver": () => new dns.Resolver(),
  fetch: () => fetch("nothing:"),
  WebSocket: () => new (global["WebSocket"] ?? Object)("nothing:"),
  "child_process.spawn": () => childProcess.spawn(nowhere).on("error", nothing),
  "child_process.execFileSync": () => childProcess.execFileSync(nowhere),
  "promisify(exec)": (): { child: ChildProcess } => promisify(childProcess.exec)("exit 1"),
  "process.kill": () => process.kill(process.pid, 0),
  "process.cpuUsage": () => process.cpuUsage(),
  "process.memoryUsage": () => process.memoryUsage(),
  "process.memoryUsage.rss": () => process.memoryUsage.rss(),
  "os.hostname": () => os.hostname(),
  "os.hostname as a text": () => `${os.hostname as unknown as string}`,
  "os.freemem": () => os.freemem(),
  "os.loadavg": () => os.loadavg(),
  "os.cpus": () => os.cpus(),
  "os.uptime": () => os.uptime(),
  "navigator.hardwareConcurrency": () => navigator.hardwareConcurrency,
};

/** What a use does while wires are armed: it trips at once, or a promise rejects. */
async function tripOf(use: () => unknown): Promise<unknown> {
  try {
    await use();
  } catch (error) {
    return error;
  }
  return undefined;
}

for (const [name, use] of Object.entries({ ...TIME, ...TIMERS, ...CHANCE, ...THREADS, ...MACHINE })) {
  void test(`${name} trips while armed, and works again after`, async () => {
    const wires = armTripwires();
    let first: unknown;
    try {
      first = tripOf(use);
    } finally {
      wires.disarm();
    }
    const error = await first;
    assert.ok(error instanceof UncontrolledSource, `it did not trip, but gave ${String(error)}`);
    assert.equal(wires.trips[0]?.source, error.source);
    assert.equal((await tripOf(use)) instanceof UncontrolledSource, false);
    assert.equal(wires.trips.length, 1);
  });
}

void test("fetch trips by itself, not by what it would use", () => {
  const wires = armTripwires();
  try {
    assert.throws(() => void fetch("nothing:"), /^UncontrolledSource: fetch is not/);
  } finally {
    wires.disarm();
  }
});

const sources = (): readonly Source[] => [
  ...sourcesOfTime(),
  ...sourcesOfChance(),
  ...sourcesOfThreads(),
  ...sourcesOfMachine(),
];

const descriptors = (): readonly unknown[] =>
  sources().map(({ owner, key }) => [Object.getOwnPropertyDescriptor(owner, key), Object.keys(owner)]);

void test("every source without a guard trips, under its own name or that of the same function", () => {
  const listed = sources().filter(({ guard }) => guard === undefined);
  const wires = armTripwires();
  const silent: string[] = [];
  try {
    for (const { name, owner, key, isRead } of listed) {
      try {
        const value: unknown = Reflect.get(owner, key);
        if (isRead !== true) (value as () => unknown)();
      } catch (error) {
        if (error instanceof UncontrolledSource) continue;
      }
      silent.push(name);
    }
  } finally {
    wires.disarm();
  }
  assert.deepEqual(silent, []);
});

void test("names are unique, and there are as many as are wired", () => {
  const names = sourceNames();
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
  const wires = armTripwires();
  wires.disarm();
  assert.equal(wires.count, names.length);
  assert.ok(names.length > 400, `only ${names.length}`);
});

void test("disarming puts back every property as it was, and the same imports", () => {
  const before = descriptors();
  for (let round = 0; round < 3; round += 1) armTripwires().disarm();
  assert.deepEqual(descriptors(), before);
  for (const [index, [now, then]] of descriptors().entries() as Iterable<[number, unknown[]]>) {
    const [was] = before[index] as [PropertyDescriptor];
    const is = now as PropertyDescriptor;
    assert.ok(is.value === was.value && is.get === was.get && is.set === was.set, `source ${index} ${String(then)}`);
  }
  for (const [index, binding] of bindings().entries()) assert.equal(binding, BOUND[index], `import ${index}`);
  assert.equal(globalThis.Date, aDate.constructor);
});
