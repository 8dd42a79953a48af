/** The streams of a system: who runs the fleet makes them; services may not. */
import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamAccess, NatsLink } from "./link.ts";
import { eventsSubject, storedSubject, streamOf } from "./names.ts";

/** How a stream is kept. */
export interface StreamOptions {
  /** On how many servers: 1, or 3 of a cluster. 1 unless said. */
  readonly replicas?: 1 | 3 | 5;
  /** How long events are kept, in milliseconds; for ever unless said. */
  readonly ageMsMax?: number;
  /** How much is kept; the oldest goes first. NATS sets this much aside for each stream. 256 MiB unless said. */
  readonly bytesMax?: number;
}

/** JetStream's own number for a stream that is not there. */
const NOT_FOUND = 10_059;
/** How long JetStream looks for repeats by message id. None are given: the expected sequence refuses repeats for ever. */
const DUPLICATES_MS = 1_000;
const NANOS = 1_000_000;
/** A stream that takes messages without counting them: beyond its bytes the oldest goes. */
export const OPEN = { discard: DiscardPolicy.Old, max_msgs: -1 } as const;

/** Makes the streams of services, or changes them to what is said. May be repeated. @throws faults. */
export async function makeStreams(
  link: NatsLink,
  services: readonly string[],
  options: StreamOptions = {},
): Promise<void> {
  for (const service of services) await makeStream(link, service, options);
}

async function makeStream(link: NatsLink, service: string, options: StreamOptions): Promise<void> {
  const { replicas = 1, ageMsMax = 0, bytesMax = 256 * 1_024 ** 2 } = options;
  const changeable = {
    subjects: [eventsSubject(service)],
    num_replicas: replicas,
    max_age: ageMsMax * NANOS,
    max_bytes: bytesMax,
    duplicate_window: (ageMsMax === 0 ? DUPLICATES_MS : Math.min(DUPLICATES_MS, ageMsMax)) * NANOS,
    // A rewind that was broken off leaves these two otherwise.
    ...OPEN,
    // Neither may a single event be taken out, nor all: also not by a request that somebody made the server repeat.
    ...{ deny_purge: true, allow_rollup_hdrs: false },
    // What is stored is repeated at once to whoever listens: no consumers are kept on the server.
    republish: { src: eventsSubject(service), dest: storedSubject(service) },
  };
  await link.jetStream(`making the stream ${streamOf(service)}`, async ({ manager }) => {
    if (await exists(manager, service)) {
      await manager.streams.update(streamOf(service), changeable);
      return;
    }
    await manager.streams.add({
      name: streamOf(service),
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      deny_delete: true,
      ...changeable,
    });
  });
}

async function exists(manager: JetStreamAccess["manager"], service: string): Promise<boolean> {
  try {
    await manager.streams.info(streamOf(service));
    return true;
  } catch (error) {
    if (isMissingStream(error)) return false;
    throw error;
  }
}

/** Whether an error says that there is no such stream. */
export function isMissingStream(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === NOT_FOUND;
}
