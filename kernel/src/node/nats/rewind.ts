/**
 * The way out for a reader that is behind what the broker keeps, and after a restore: the stream is emptied, and filled
 * again from the log. Needs the rights of whoever runs the fleet.
 *
 * At any crash on the way the stream is without gaps: first it is said, behind everything, that the stream is only up to
 * the position; then what is before that is removed; and the relay of the service sends what is after it, as it always
 * does. Subscribers recognise what they have had.
 */
import { headers } from "@nats-io/transport-node";
import { BrokerUnavailable } from "../../events/mod.ts";
import { isFenced } from "./fence.ts";
import type { NatsLink } from "./link.ts";
import { eventsSubject, streamOf } from "./names.ts";
import { RUN_HEADERS } from "./run-store.ts";

/** How often it is tried while the relay adds at the same time. */
const TRIES = 20;

/**
 * Makes a stream begin again after a position of the log; 0 is the beginning. The service's relay fills it within
 * seconds, when it runs. @throws faults.
 */
export async function rewindStream(link: NatsLink, service: string, position: number): Promise<void> {
  const stream = streamOf(service);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const isDone = await link.jetStream(`rewinding the stream ${stream}`, async ({ client, manager }) => {
      const { state } = await manager.streams.info(stream);
      const about = headers();
      about.set(RUN_HEADERS.after, String(position));
      about.set(RUN_HEADERS.upTo, String(position));
      try {
        const expect = { streamName: stream, lastSequence: state.last_seq };
        const { seq } = await client.publish(eventsSubject(service), "", { headers: about, expect });
        await manager.streams.purge(stream, { seq });
        return true;
      } catch (error) {
        if (isFenced(error)) return false;
        throw error;
      }
    });
    if (isDone) return;
  }
  throw BrokerUnavailable.with({ broker: "NATS", reason: `the stream ${stream} is being written to all the time` });
}
