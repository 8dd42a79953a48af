/** The first frame of each side: which versions it speaks, what it is willing to receive, what it can do. */
import { Malformed } from "./faults.ts";
import { LIMIT_NAMES, WIRE_FLOOR, type WireLimits } from "./limits.ts";
import type { ValueCodec } from "./values.ts";

/** The versions that this build speaks: the oldest and the newest. */
export const WIRE_VERSIONS: readonly [oldest: number, newest: number] = [1, 1];
/** What this build can do besides calls. */
export const WIRE_FEATURES: readonly string[] = ["streams"];
/** How long a hello may be, in bytes: nothing longer is read before it. */
export const HELLO_BYTES_MAX = 4_096;
/** How many features a hello may name. */
const FEATURES_MAX = 64;

/** What a side says of itself. */
export interface Hello {
  readonly versions: readonly [oldest: number, newest: number];
  readonly limits: WireLimits;
  readonly features: readonly string[];
}

/** What both sides agreed on, from the two hellos alone. */
export interface Agreement {
  readonly version: number;
  /** What the peer is willing to receive. */
  readonly peerLimits: WireLimits;
  /** What both can do. */
  readonly features: ReadonlySet<string>;
}

/** Writes a hello. */
export function encodeHello(codec: ValueCodec, { versions, limits, features }: Hello): Uint8Array {
  return codec.encode({ versions, limits, features });
}

/** Reads the peer's hello. Members that are not known are passed over. @throws {Malformed} */
export function readHello(value: unknown): Hello {
  const { versions, limits, features } = membersOf(value, "a hello");
  const [oldest, newest, ...more] = Array.isArray(versions) ? (versions as readonly unknown[]) : [];
  if (!isWhole(oldest) || !isWhole(newest) || oldest > newest || more.length > 0)
    throw Malformed.with({ reason: "a hello without a range of versions" });
  if (!Array.isArray(features) || features.length > FEATURES_MAX || !features.every((name) => typeof name === "string"))
    throw Malformed.with({ reason: "a hello without a list of features" });
  const said = membersOf(limits, "a hello without limits");
  const read = Object.fromEntries(LIMIT_NAMES.map((name) => [name, limitOf(said[name], name)]));
  return {
    versions: [oldest, newest],
    limits: read as unknown as WireLimits,
    features: features as string[],
  };
}

/** What two hellos come to: the newest version that both speak. @throws {Malformed} when there is none. */
export function agree(own: Hello, peer: Hello): Agreement {
  const version = Math.min(own.versions[1], peer.versions[1]);
  if (version < Math.max(own.versions[0], peer.versions[0]))
    throw Malformed.with({ reason: `no version in common: ${own.versions.join("-")} and ${peer.versions.join("-")}` });
  const features = new Set(own.features.filter((name) => peer.features.includes(name)));
  return { version, peerLimits: peer.limits, features };
}

function limitOf(value: unknown, name: keyof WireLimits): number {
  if (!isWhole(value) || value < WIRE_FLOOR[name])
    throw Malformed.with({ reason: `a hello whose ${name} is not at least ${WIRE_FLOOR[name]}` });
  return value;
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw Malformed.with({ reason: `${what} that is not an object` });
  return value as Record<string, unknown>;
}
