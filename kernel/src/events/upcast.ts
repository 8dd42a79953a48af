/** Old events in new clothes: stored data is never rewritten, it is brought to the newest version when it is read. */
import type { EventType } from "../contract/mod.ts";
import { pruner, validator } from "../schema/mod.ts";
import { type FaultType, copyJson, defineFault } from "../std/mod.ts";
import type { RecordedEvent } from "./event.ts";

/** An event is stored in an old version, and the contract lacks the step that reads it. */
export const UpcastMissing: FaultType<{ event: string; from: number; to: number }> = defineFault({
  code: "events/upcast-missing",
  kind: "broken",
  message: ({ event, from, to }) =>
    `${event} is stored in version ${from}, and its contract has no upcast from ${from} to ${to}. Add "upcasts[${from}]".`,
});

/** An event comes from a newer build than this one. It waits until this one is replaced, as in a rolling deployment. */
export const VersionUnknown: FaultType<{ event: string; version: number; known: number }> = defineFault({
  code: "events/version-unknown",
  kind: "unavailable",
  message: ({ event, version, known }) =>
    `${event} is stored in version ${version}; this build knows up to ${known}. Deploy the build that knows it.`,
});

/**
 * The event in the newest version that its contract has, without what a newer build put in. Pure; the record that is
 * passed stays as it is.
 * @throws {UpcastMissing} naming the step, {VersionUnknown} for an event from the future, and {Invalid} when what
 *   the upcasts made does not fit the schema.
 */
export function upcast<Data, Stored extends RecordedEvent>(
  event: EventType<Data>,
  record: Stored,
): Omit<Stored, "data"> & { readonly data: Data } {
  const { version: newest, upcasts, data: schema } = event.definition;
  if (record.version === newest) {
    // A newer build may have recorded properties that this one does not know.
    const data = pruner(schema)(record.data) as Data;
    return data === record.data ? (record as Stored & { readonly data: Data }) : { ...record, data };
  }
  const name = `${event.service}.${event.name}`;
  if (record.version > newest) throw VersionUnknown.with({ event: name, version: record.version, known: newest });
  let data: unknown = copyJson(record.data);
  for (let version = record.version; version < newest; version += 1) {
    const step = upcasts?.[version];
    if (step === undefined) throw UpcastMissing.with({ event: name, from: version, to: version + 1 });
    data = step(data as never);
  }
  const checked = validator(schema, `upcast data of ${name}`).parse(data);
  return { ...record, version: newest, data: checked as Data };
}

/**
 * Checks at the start that each old version has its upcast.
 * @throws {UpcastMissing} naming the first that is not there.
 */
export function checkUpcasts(event: EventType): void {
  const { version: newest, upcasts } = event.definition;
  for (let version = 1; version < newest; version += 1) {
    if (upcasts?.[version] === undefined) {
      throw UpcastMissing.with({
        event: `${event.service}.${event.name}`,
        from: version,
        to: version + 1,
      });
    }
  }
}
