/** The runs of one service in its stream: read by sequence, and heard of when the server has stored them. */
import { RepublishHeaders } from "@nats-io/jetstream";
import type { KeptRun, RunStore } from "../../events/mod.ts";
import { eventsIn } from "../../events/mod.ts";
import type { NatsLink } from "./link.ts";
import { eventsSubject, storedSubject, streamOf } from "./names.ts";
import { isMissingStream } from "./streams.ts";

/** The headers of a run: what it begins after, and where it ends. */
export const RUN_HEADERS = { after: "Isomer-After", upTo: "Isomer-Up-To" } as const;

/** A run and when the server stored it, milliseconds since 1970. */
export interface StoredRun extends KeptRun {
  readonly at: number;
}

interface Stored {
  readonly data: Uint8Array;
  readonly headers: { get(name: string): string } | undefined;
}

/** A service's stream in JetStream. A stream that is not there counts as empty. */
export class NatsRunStore implements RunStore {
  readonly service: string;
  readonly #link: NatsLink;

  constructor(link: NatsLink, service: string) {
    this.#link = link;
    this.service = service;
  }

  async range(place: number, count: number): Promise<readonly KeptRun[]> {
    const next_by_subj = eventsSubject(this.service);
    const asked = Array.from({ length: count }, (_, index) =>
      this.#get({ seq: Math.max(1, place) + index, next_by_subj }),
    );
    const runs: KeptRun[] = [];
    for (const run of await Promise.all(asked)) {
      // Where there is a hole, several sequences lead to the same run.
      if (run !== undefined && run.place > (runs.at(-1)?.place ?? 0)) runs.push(run);
    }
    return runs;
  }

  async last(): Promise<StoredRun | undefined> {
    return await this.#get({ last_by_subj: eventsSubject(this.service) });
  }

  follow(listener: (run: KeptRun | undefined) => void): () => void {
    const deaf = this.#link.onUp(() => listener(undefined));
    const end = this.#link.subscribe(storedSubject(this.service), ({ data, headers }) => {
      const place = Number(headers?.get(RepublishHeaders.Sequence));
      const run = Number.isSafeInteger(place) ? runFrom(place, { data, headers }) : undefined;
      listener(run);
    });
    return () => {
      deaf();
      end();
    };
  }

  async #get(query: { seq: number; next_by_subj: string } | { last_by_subj: string }): Promise<StoredRun | undefined> {
    const stream = streamOf(this.service);
    return await this.#link.jetStream(`reading the stream ${stream}`, async ({ manager }) => {
      try {
        const message = await manager.streams.getMessage(stream, query);
        if (message === null) return undefined;
        const { seq, data, header, time } = message;
        const run = runFrom(seq, { data, headers: header });
        return run === undefined ? undefined : { ...run, at: time.getTime() };
      } catch (error) {
        if (isMissingStream(error)) return undefined;
        throw error;
      }
    });
  }
}

/** The run in a message. */
function runFrom(place: number, { data, headers }: Stored): KeptRun {
  const [after, upTo] = [Number(headers?.get(RUN_HEADERS.after)), Number(headers?.get(RUN_HEADERS.upTo))];
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(upTo)) {
    throw new TypeError("A message of the stream is no run of events.");
  }
  return { place, after, upTo, bytes: data.length + 64, events: eventsIn(new TextDecoder().decode(data)) };
}
