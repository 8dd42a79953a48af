/** What goes wrong between a host and its broker. */
import { type FaultType, defineFault } from "../std/mod.ts";

/** The broker does not answer, or not in time. What was asked may have happened. */
export const BrokerUnavailable: FaultType<{ broker: string; reason: string }> = defineFault({
  code: "events/broker-unavailable",
  kind: "unavailable",
  message: ({ broker, reason }) => `No answer from the broker ${broker} (${reason}). Nothing is lost: the log has it.`,
});

/** The broker's user of this host lacks a permission. */
export const BrokerRefused: FaultType<{ broker: string; what: string }> = defineFault({
  code: "events/broker-refused",
  kind: "denied",
  message: ({ broker, what }) => `The broker ${broker} refused: ${what}. Give the service's user the permission.`,
});

/** A reader is behind what the broker still has. The log has it: rewind the stream to the position that is asked for. */
export const EventsExpired: FaultType<{ service: string; after: number; first: number }> = defineFault({
  code: "events/expired",
  kind: "broken",
  message: ({ service, after, first }) =>
    `The broker has the events of "${service}" from ${first} on, and ${after} was asked for. ` +
    `Send again what the log has of them: "isomer rewind ${service} --to ${after}". ` +
    `A subscriber goes on without them by "isomer skip".`,
});

/** A stream is to begin again after a position that its log has not reached: whatever is recorded before that would be lost to it. */
export const BeyondLog: FaultType<{ service: string; position: number; head: number }> = defineFault({
  code: "events/beyond-log",
  kind: "invalid",
  message: ({ service, position, head }) =>
    `The log of "${service}" ends at ${head}, and ${position} is beyond that. Rewind to ${head} at most, or to a moment.`,
});

/** What a service emits has more data than an event may have. Sizes are bytes. */
export const EventDataTooLarge: FaultType<{ event: string; bytes: number; bytesMax: number }> = defineFault({
  code: "events/data-too-large",
  kind: "invalid",
  message: ({ event, bytes, bytesMax }) =>
    `The data of ${event} has ${bytes} bytes; an event takes ${bytesMax}. ` +
    `Keep large data in a table, and emit its key.`,
});

/** An event does not fit into a message of the broker. Sizes are bytes. */
export const EventTooLarge: FaultType<{ service: string; position: number; bytes: number; bytesMax: number }> =
  defineFault({
    code: "events/too-large",
    kind: "broken",
    message: ({ service, position, bytes, bytesMax }) =>
      `The event ${position} of "${service}" has ${bytes} bytes; a message of the broker takes ${bytesMax}. ` +
      `Raise its limit (NATS: max_payload), or keep large data elsewhere.`,
  });
