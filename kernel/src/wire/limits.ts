/** What a side of a connection is willing to receive, and how long it waits. Announced in the hello. */

/** The bounds of what one side receives. The other side keeps to them, or is cut off. */
export interface WireLimits {
  /** The longest frame, in bytes after its length field. */
  readonly frameBytesMax: number;
  /** The longest header of a call: everything but its input, in bytes. */
  readonly headerBytesMax: number;
  /** How deep a value may be nested. */
  readonly depthMax: number;
  /** How many members and items a frame may have, those of all levels together. */
  readonly itemsMax: number;
  /** How many calls may be under way at once on a connection. */
  readonly callsMax: number;
  /** How many of those may have streams. */
  readonly streamsMax: number;
  /** How many bytes of chunks may be sent ahead, for each direction of a stream. */
  readonly windowBytes: number;
}

/** The limits that hold unless others are said. */
export const WIRE_LIMITS: WireLimits = {
  frameBytesMax: 4 * 1024 * 1024,
  headerBytesMax: 16 * 1024,
  // What contracts carry may have 200; calls and faults are arrays around it.
  depthMax: 202,
  itemsMax: 200_000,
  callsMax: 1_024,
  streamsMax: 64,
  windowBytes: 256 * 1024,
};

/** The least that a side must be willing to receive: who offers less is refused. */
export const WIRE_FLOOR: WireLimits = {
  frameBytesMax: 16 * 1024,
  headerBytesMax: 4 * 1024,
  depthMax: 16,
  itemsMax: 1_000,
  callsMax: 1,
  streamsMax: 0,
  windowBytes: 4 * 1024,
};

/** How long a side waits for the other, in milliseconds. */
export interface WireTiming {
  /** From the connection to the end of the peer's hello. */
  readonly helloMs: number;
  /** After how long a silence the peer is asked whether it is there. */
  readonly idleMs: number;
  /** How long it may then stay silent. */
  readonly pongMs: number;
  /** From the first byte of a frame to its last. */
  readonly frameMs: number;
}

/** The waits that hold unless others are said. */
export const WIRE_TIMING: WireTiming = { helloMs: 5_000, idleMs: 10_000, pongMs: 5_000, frameMs: 20_000 };

/** The names of the limits, as they stand in the hello. */
export const LIMIT_NAMES = Object.keys(WIRE_LIMITS) as readonly (keyof WireLimits)[];

/** The smaller of two sides' limits, each. */
export function smallerOf(a: WireLimits, b: WireLimits): WireLimits {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, Math.min(a[name], b[name])])) as unknown as WireLimits;
}
