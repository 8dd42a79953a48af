/**
 * The way out for a reader that is behind what the broker keeps: the stream is emptied, and filled again from the log.
 * Needs the rights of whoever runs the fleet.
 *
 * First it is said, behind everything, that the stream is only up to the position; then what is before that is removed;
 * and the relay of the service sends what is after it, as it always does. Subscribers recognise what they have had.
 * Streams cannot be purged (`deny_purge`), so for a moment the stream keeps its newest message only. A crash in that
 * moment leaves it so, and whoever is behind is told `events/expired`: a rewind or `makeStreams` opens it again.
 */
import { headers } from "@nats-io/transport-node";
import { BrokerUnavailable } from "../../events/mod.ts";
import { isFenced } from "./fence.ts";
import type { NatsLink } from "./link.ts";
import { eventsSubject, streamOf } from "./names.ts";
import { NatsRunStore, RUN_HEADERS } from "./run-store.ts";
import { OPEN } from "./streams.ts";

/** How often it is tried while the relay adds at the same time. */
const TRIES = 20;

/**
 * Makes a stream begin again after a position of the log, and not beyond its end; 0 is the beginning. The service's relay fills it within
 * seconds, when it runs. @throws faults.
 */
export async function rewindStream(link: NatsLink, service: string, position: number): Promise<void> {
  const stream = streamOf(service);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const isMarked = await link.jetStream(`rewinding the stream ${stream}`, async ({ client, manager }) => {
      // It may stand as a rewind left it that was broken off.
      const { state } = await manager.streams.update(stream, OPEN);
      const about = headers();
      about.set(RUN_HEADERS.after, String(position));
      about.set(RUN_HEADERS.upTo, String(position));
      try {
        const expect = { streamName: stream, lastSequence: state.last_seq };
        await client.publish(eventsSubject(service), "", { headers: about, expect });
      } catch (error) {
        if (isFenced(error)) return false;
        throw error;
      }
      await manager.streams.update(stream, { max_msgs: 1 });
      await manager.streams.update(stream, OPEN);
      return true;
    });
    // In that moment the relay may have added so much that the beginning was removed, too.
    const [first] = isMarked ? await new NatsRunStore(link, service).range(0, 1) : [];
    if (first?.after === position) return;
  }
  throw BrokerUnavailable.with({ broker: "NATS", reason: `the stream ${stream} is being written to all the time` });
}
