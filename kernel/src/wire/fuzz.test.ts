/** Any bytes at all: the reader ends in a closed link or in values within the limits, never in an error of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { Malformed, Unsendable } from "./faults.ts";
import { FrameReader, FrameType, FrameWriter } from "./frames.ts";
import { encodeHello } from "./hello.ts";
import { WIRE_FLOOR, WIRE_LIMITS } from "./limits.ts";
import { callFlags, encodeCall, headerBounds } from "./messages.ts";
import { Pair, plainCall } from "./testing/pair.ts";
import { ValueCodec } from "./values.ts";

const LIMITS = { ...WIRE_LIMITS, frameBytesMax: 20_000, depthMax: 16, itemsMax: 1_000 };
const codec = new ValueCodec(LIMITS);

/** How deep a value is, and how many members and items it has. */
function extent(value: unknown): { depth: number; items: number } {
  if (typeof value !== "object" || value === null) return { depth: 0, items: 0 };
  const inner = Object.values(value).map(extent);
  const items = inner.reduce((sum, each) => sum + each.items, inner.length);
  return { depth: 1 + Math.max(0, ...inner.map((each) => each.depth)), items };
}

function decodes(bytes: Uint8Array): unknown {
  try {
    const value = codec.decode(bytes, 0, bytes.length);
    const { depth, items } = extent(value);
    assert.ok(depth <= LIMITS.depthMax && items <= LIMITS.itemsMax);
    assert.equal(JSON.stringify(JSON.parse(JSON.stringify(value))), JSON.stringify(value));
    return value;
  } catch (error) {
    if (!Malformed.is(error)) throw error;
    return undefined;
  }
}

void test("a JSON value comes back as it went, as it would from JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
      const bytes = Uint8Array.from(
        (() => {
          try {
            return codec.encode(value);
          } catch (error) {
            // Names of members that would change what an object is, and halves of characters.
            assert.ok(Unsendable.is(error));
            return [];
          }
        })(),
      );
      if (bytes.length === 0) return;
      assert.equal(JSON.stringify(codec.decode(bytes, 0, bytes.length)), JSON.stringify(value));
    }),
    { numRuns: 2_000 },
  );
});

void test("members that are undefined are left out, in a list they are null, and -0 is 0", () => {
  const bytes = codec.encode({ a: undefined, b: [undefined, -0], c: -0.5 }).slice();
  assert.deepEqual(codec.decode(bytes, 0, bytes.length), { b: [null, 0], c: -0.5 });
});

void test("any bytes give a value within the limits, or a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodes(bytes)),
    { numRuns: 20_000 },
  );
});

void test("values with a few bytes changed give a value within the limits, or a fault", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.jsonValue(), changes, fc.boolean(), (value, changed, cut) => {
      const bytes = encode(value);
      for (const [at, byte] of changed) bytes[at % bytes.length] = byte;
      decodes(cut ? bytes.subarray(0, changed[0]![0] % bytes.length) : bytes);
    }),
    { numRuns: 10_000 },
  );
});

void test("a few bytes cannot announce what is not there", () => {
  const bombs = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0xdf, 0x7f, 0xff, 0xff, 0xff],
    [0xdb, 0xff, 0xff, 0xff, 0xff],
    [0xc6, 0xff, 0xff, 0xff, 0xff],
    [0xc9, 0xff, 0xff, 0xff, 0xff, 1],
    Array.from({ length: 15_000 }, () => 0x91),
    [0xdc, 0x07, 0xd0, ...Array.from({ length: 2_000 }, () => 0xc0)],
    [0xcf, 0x00, 0x20, 0, 0, 0, 0, 0, 0],
    [0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0],
    [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
    [0xca, 0x7f, 0xc0, 0, 0],
    [0x81, 0x01, 0x02],
    [0xa2, 0xc0, 0x80],
    [0xa3, 0xed, 0xa0, 0x80],
    [0xa4, 0xf5, 0x80, 0x80, 0x80],
    [0xa1, 0xe2],
    [0xc0, 0xc0],
    [0xc1],
    [],
  ];
  for (const bytes of bombs)
    assert.throws(() => codec.decode(Uint8Array.from(bytes), 0, bytes.length), Malformed.is, String(bytes.slice(0, 9)));
});

void test("a value may be as deep and as wide as the limits say, and no more", () => {
  const nested = (levels: number): number[] => [...Array.from({ length: levels }, () => 0x91), 0xc0];
  const wide = (items: number): number[] => [0xdc, items >> 8, items & 255, ...Array.from({ length: items }, () => 1)];
  const read = (bytes: number[]): unknown => codec.decode(Uint8Array.from(bytes), 0, bytes.length);
  const says =
    (reason: RegExp) =>
    (error: unknown): boolean =>
      Malformed.is(error) && reason.test(error.data.reason);
  assert.deepEqual(extent(read(nested(16))), { depth: 16, items: 16 });
  assert.throws(() => read(nested(17)), says(/nested deeper than 16/));
  assert.deepEqual(extent(read(wide(1_000))), { depth: 1, items: 1_000 });
  assert.throws(() => read(wide(1_001)), says(/more than 1000 members/));
});

/** What a well-behaved caller sends. */
function validStream(): Uint8Array {
  const writer = new FrameWriter();
  const own = new ValueCodec(WIRE_FLOOR);
  writer.write(FrameType.hello, 0, 0, encodeHello(own, { versions: [1, 1], limits: LIMITS, features: ["streams"] }));
  for (let id = 1; id <= 4; id += 1) {
    const call = { ...plainCall, remainingMs: 100, sendsChunks: id === 3, takesChunks: id === 4 };
    writer.write(FrameType.call, callFlags(call), id, encodeCall(own, call, headerBounds(4_096)));
  }
  writer.write(FrameType.chunk, 0, 3, own.encode({ chunk: 1 }));
  writer.write(FrameType.end, 0, 3);
  writer.write(FrameType.ping, 0, 9);
  writer.write(FrameType.cancel, 0, 2);
  return Buffer.concat(writer.take());
}

void test("a valid stream with a few bytes changed never breaks the side that is called", () => {
  const valid = validStream();
  const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
  fc.assert(
    fc.property(changes, fc.integer({ min: 1, max: 200 }), (changed, piece) => {
      const bytes = Uint8Array.from(valid);
      for (const [at, byte] of changed) bytes[at] = byte;
      const { callee, calls, log } = new Pair({ calleeLimits: LIMITS });
      for (let at = 0; at < bytes.length; at += piece) callee.link.receive(bytes.subarray(at, at + piece), 0);
      for (const call of calls) call.reply({}, false);
      callee.link.wake(10_000);
      assert.ok(changed.length > 0 || calls.length === 4, `${calls.length} ${log.join()}`);
      assert.ok(callee.link.state !== "closed" || log.some((line) => line.startsWith("callee closed")));
    }),
    { numRuns: 5_000 },
  );
});

void test("a valid stream with a few bytes changed never breaks the side that calls, and each call ends once", () => {
  const pair = new Pair();
  for (let n = 0; n < 4; n += 1) pair.call();
  pair.pump();
  for (const [n, call] of pair.calls.entries())
    if (n % 2 === 0) call.reply({ n }, false);
    else call.fault({ code: "a/b", kind: "conflict", message: "m", data: { n } }, false);
  const hello = new Pair().callee.link.take();
  const valid = Buffer.concat([...hello, ...pair.callee.link.take()]);
  const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
  fc.assert(
    fc.property(changes, fc.integer({ min: 1, max: 200 }), (changed, piece) => {
      const bytes = Uint8Array.from(valid);
      for (const [at, byte] of changed) bytes[at] = byte;
      const { caller, ...other } = new Pair();
      void other;
      const ends = [0, 0, 0, 0];
      caller.link.receive(bytes.subarray(0, hello[0]!.length), 0);
      for (const n of ends.keys())
        caller.call({ ...plainCall, deadlineAt: 100 }, 0, () => void (ends[n] = ends[n]! + 1));
      for (let at = hello[0]!.length; at < bytes.length; at += piece)
        caller.link.receive(bytes.subarray(at, at + piece), 0);
      caller.link.close(undefined, "over");
      assert.ok(
        ends.every((count) => count <= 1),
        String(ends),
      );
      if (changed.length === 0) assert.deepEqual(ends, [1, 1, 1, 1]);
    }),
    { numRuns: 5_000 },
  );
});

void test("a reader keeps no more than twice what came of a frame, whatever its length says", () => {
  const reader = new FrameReader(1_000_000_000);
  const head = Uint8Array.of(0x3b, 0x9a, 0xc9, 0xff, 0x10, 0, 0, 0, 0, 1);
  const before = process.memoryUsage().arrayBuffers;
  reader.read(head, () => assert.fail("There is no whole frame."));
  for (let n = 0; n < 1_000; n += 1) reader.read(new Uint8Array(100), () => assert.fail("There is no whole frame."));
  assert.ok(process.memoryUsage().arrayBuffers - before < 2_000_000);
  assert.ok(reader.isAmid);
});
