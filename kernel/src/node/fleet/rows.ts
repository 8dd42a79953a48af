/** What a fleet looks like from outside: what `isomer ps` is told, and the table is made of. */
import { type TypeOf, t } from "../../schema/mod.ts";

const Row = t.object({
  kind: t.oneOf(["gateway", "service", "engine"]),
  /** The group, `gateway`, or the engine's name. */
  group: t.text(),
  services: t.array(t.text()),
  instance: t.text(),
  pid: t.optional(t.integer()),
  /** `starting`, `ready`, `silent`, `draining`, `stopping`, `waiting`, `crash loop`, `running`, `down`. */
  state: t.text(),
  /** More about the state: when it starts again. */
  note: t.optional(t.text()),
  /** Where it is reached. */
  address: t.optional(t.text()),
  upMs: t.optional(t.number()),
  restarts: t.integer(),
  callsPerSecond: t.optional(t.number()),
  faultsPerSecond: t.optional(t.number()),
  p50Ms: t.optional(t.number()),
  p99Ms: t.optional(t.number()),
  cpu: t.optional(t.number()),
  rssBytes: t.optional(t.number()),
  version: t.text(),
  /** What runs, when it is no host of ours: the command of a service in another language. */
  program: t.optional(t.text({ maxLength: 4_096 })),
});

/** The schema of a snapshot, for the control protocol. */
export const SnapshotSchema = t.object({
  system: t.text(),
  folder: t.text({ maxLength: 4_096 }),
  gateways: t.array(t.text()),
  /** The change that is under way. */
  change: t.optional(t.text()),
  rows: t.array(Row),
});

/** One line of the table. */
export type FleetRow = TypeOf<typeof Row>;
/** A fleet at one moment. */
export type FleetSnapshot = TypeOf<typeof SnapshotSchema>;
