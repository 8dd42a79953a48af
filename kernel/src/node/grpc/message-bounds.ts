/** Looks through a message before anything is made of it: two bytes of a list may become an object. */
import protobuf from "protobufjs";

/** Wire types of Protocol Buffers. https://protobuf.dev/programming-guides/encoding/#structure */
const WIRE = { fixed64: 1, bytes: 2, fixed32: 5 } as const;
const VARINT_GOES_ON = 0x80;
/** As deep as protobufjs reads. */
const DEPTH_MAX = 100;

/**
 * How many members and items a message has, those of all levels together; `itemsMax` and one when there are more.
 * @throws {Error} when the bytes are none.
 */
export function itemsIn(type: protobuf.Type, bytes: Uint8Array, itemsMax: number): number {
  const counter = new Counter(protobuf.Reader.create(bytes), itemsMax);
  counter.count(type, bytes.length, 0);
  return Math.min(counter.items, itemsMax + 1);
}

class Counter {
  items = 0;
  readonly #reader: protobuf.Reader;
  readonly #itemsMax: number;

  constructor(reader: protobuf.Reader, itemsMax: number) {
    this.#reader = reader;
    this.#itemsMax = itemsMax;
  }

  count(type: protobuf.Type, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new RangeError("nested too deeply");
    const reader = this.#reader;
    while (reader.pos < end && this.items <= this.#itemsMax) {
      const tag = reader.uint32();
      const wireType = tag & 7;
      const field = type.fieldsById[tag >>> 3];
      this.items += 1;
      if (field === undefined || wireType !== WIRE.bytes) reader.skipType(wireType);
      else this.#countIn(field.resolve(), depth);
    }
  }

  #countIn(field: protobuf.Field, depth: number): void {
    const reader = this.#reader;
    const length = reader.uint32();
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError("cut short");
    const { resolvedType } = field;
    if (field.map) this.#countEntry(resolvedType, end, depth);
    else if (resolvedType instanceof protobuf.Type) this.count(resolvedType, end, depth + 1);
    else if (field.repeated) this.items += packedIn(field, reader.buf.subarray(reader.pos, end));
    if (this.items <= this.#itemsMax) reader.pos = end;
  }

  /** The entry of a map: its value is the second field. */
  #countEntry(resolvedType: protobuf.ReflectionObject | null, end: number, depth: number): void {
    const reader = this.#reader;
    while (reader.pos < end && this.items <= this.#itemsMax) {
      const tag = reader.uint32();
      if (tag === ((2 << 3) | WIRE.bytes) && resolvedType instanceof protobuf.Type) {
        const length = reader.uint32();
        this.count(resolvedType, Math.min(end, reader.pos + length), depth + 1);
      } else reader.skipType(tag & 7);
    }
  }
}

/** How many numbers stand one after another. Of what is not packed, a text say, there are none more. */
function packedIn({ type }: protobuf.Field, bytes: Uint8Array): number {
  const packed: Readonly<Record<string, number>> = protobuf.types.packed;
  // Enums have names of their own.
  const wireType = packed[type] ?? (type in protobuf.types.basic ? -1 : 0);
  if (wireType === -1) return 0;
  if (wireType === WIRE.fixed64) return bytes.length >> 3;
  if (wireType === WIRE.fixed32) return bytes.length >> 2;
  let count = 0;
  for (const byte of bytes) if (byte < VARINT_GOES_ON) count += 1;
  return count;
}
