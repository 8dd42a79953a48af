/**
 * What `isomer` and a supervisor say to one another over the fleet's socket: lines of JSON, one request on a connection,
 * then any number of sentences about how it goes, then one answer.
 */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TypeOf, t, validator } from "../../schema/mod.ts";
import { type Fault, faultFrom } from "../../std/mod.ts";
import { SnapshotSchema } from "./rows.ts";

/** The version of the protocol; both sides name it in every line. */
export const CONTROL_VERSION = 1;
/** How long a line may be, in bytes. */
export const LINE_BYTES_MAX = 1024 * 1024;
/** The longest path of a socket that systems take is 107 bytes, on some 103. */
const PATH_BYTES_MAX = 100;

const Name = t.text({ minLength: 1, maxLength: 100 });
/** A question to all processes, or to those of a service. */
export const AskSchema = t.object({
  do: t.literal("ask"),
  operation: Name,
  service: t.optional(Name),
  input: t.unknown(),
});
const RequestSchema = t.union(
  AskSchema,
  t.object({ do: t.literal("ps") }),
  t.object({ do: t.literal("stop") }),
  t.object({ do: t.literal("restart"), name: Name }),
  t.object({
    do: t.literal("roll"),
    name: Name,
    entry: t.optional(t.text({ maxLength: 4_096 })),
    label: t.optional(t.text({ minLength: 1, maxLength: 40 })),
  }),
  t.object({ do: t.literal("scale"), name: Name, replicas: t.integer() }),
  t.object({ do: t.literal("place"), service: Name, group: Name }),
);
const kinds = ["invalid", "denied", "missing", "conflict", "exhausted", "unavailable", "broken"] as const;
/** The schema of answers. */
export const ANSWER = t.union(
  t.object({ say: t.text({ maxLength: 10_000 }) }),
  t.object({ done: t.literal(true), snapshot: t.optional(SnapshotSchema), output: t.optional(t.unknown()) }),
  t.object({
    fault: t.object({
      code: t.text(),
      kind: t.oneOf(kinds),
      message: t.text({ maxLength: 10_000 }),
      data: t.unknown(),
    }),
  }),
);

/** What a supervisor is asked to do. */
export type ControlRequest = TypeOf<typeof RequestSchema>;
/** One line of what it answers. */
export type ControlAnswer = TypeOf<typeof ANSWER>;

/** What a request is called in the fault of one that does not fit. */
export const REQUEST = "request to the fleet";
/** Checks requests. */
export const controlRequest = validator(RequestSchema, REQUEST);
/** Checks answers. */
export const controlAnswer = validator(ANSWER, "answer of the fleet");

/** A line of the protocol. */
export function controlLine(body: ControlRequest | ControlAnswer): string {
  return `${JSON.stringify({ v: CONTROL_VERSION, ...body })}\n`;
}

/** The version and the rest of a line. @throws {SyntaxError} when it is none. */
export function parseControlLine(line: string): { readonly version: number; readonly body: unknown } {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null) throw new SyntaxError("A line is a JSON object.");
  const { v, ...body } = value as { v?: unknown };
  return { version: typeof v === "number" ? v : 0, body };
}

/** The fault of an answer, rebuilt. */
export function faultOf({ fault }: Extract<ControlAnswer, { fault: unknown }>): Fault {
  return faultFrom(fault as Parameters<typeof faultFrom>[0]);
}

/** Where the socket of a folder is: in it, or among the temporary files when its path is too long for a socket. */
export function socketOf(folder: string): string {
  const inside = join(resolve(folder), "control.sock");
  if (Buffer.byteLength(inside) <= PATH_BYTES_MAX) return inside;
  const digest = createHash("sha256").update(inside).digest("hex").slice(0, 16);
  return join(tmpdir(), `isomer-${digest}.sock`);
}
