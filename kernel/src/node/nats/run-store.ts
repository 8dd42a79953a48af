/**
 * The runs of one service in its stream: read by sequence, and heard of when the server has stored them. A message that
 * is no run of events is told of and gone past: it keeps nobody from reading or adding what comes after it.
 */
import { RepublishHeaders } from "@nats-io/jetstream";
import type { KeptRun, RunStore } from "../../events/mod.ts";
import { readRun } from "../../events/mod.ts";
import type { NatsLink } from "./link.ts";
import { eventsSubject, storedSubject, streamOf } from "./names.ts";
import { isMissingStream } from "./streams.ts";

/** The headers of a run: what it begins after, where it ends, and what the log had no more of it. */
export const RUN_HEADERS = { after: "Isomer-After", upTo: "Isomer-Up-To", holes: "Isomer-Holes" } as const;

/** Where a stream ends. */
export interface StreamEnd {
  /** The place of the last message, also when that is no run of events: what is added must follow it. */
  readonly place: number;
  /** When the server stored it, milliseconds since 1970. */
  readonly at: number;
  /** The newest run; undefined when there is none. */
  readonly run: KeptRun | undefined;
}

/** A message, and the run in it if it is one. */
type Message = StreamEnd;
type Query = { seq: number; next_by_subj?: string } | { last_by_subj: string };

/** How many messages that are no runs are gone past at once. */
const BACK_MAX = 64;

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
    for (let [from, many] = [Math.max(1, place), count]; ; many = Math.min(2 * many, BACK_MAX)) {
      const asked = Array.from({ length: many }, (_, index) => this.#get({ seq: from + index, next_by_subj }));
      const found = await Promise.all(asked);
      const runs: KeptRun[] = [];
      for (const message of found) {
        // Where there is a hole, several sequences lead to the same run.
        if (message?.run !== undefined && message.place > (runs.at(-1)?.place ?? 0)) runs.push(message.run);
      }
      const highest = found.reduce((most, message) => Math.max(most, message?.place ?? 0), 0);
      if (runs.length > 0 || highest === 0) return runs.slice(0, count);
      // What is there is no run of events: what comes after it may be one.
      from = highest + 1;
    }
  }

  async last(): Promise<KeptRun | undefined> {
    return (await this.end())?.run;
  }

  /** Where the stream ends; undefined when it has no message. */
  async end(): Promise<StreamEnd | undefined> {
    const last = await this.#get({ last_by_subj: eventsSubject(this.service) });
    if (last === undefined) return undefined;
    const { place, at, run } = last;
    return { place, at, run: run ?? (await this.#lastRunBefore(place)) };
  }

  follow(listener: (run: KeptRun | undefined) => void): () => void {
    const deaf = this.#link.onUp(() => listener(undefined));
    const end = this.#link.subscribe(storedSubject(this.service), ({ data, headers }) => {
      const place = Number(headers?.get(RepublishHeaders.Sequence));
      if (!Number.isSafeInteger(place)) return listener(undefined);
      const run = this.#runFrom(place, { data, headers });
      // What is no run changes nothing for readers: there is nothing more to read.
      if (run !== undefined) listener(run);
    });
    return () => {
      deaf();
      end();
    };
  }

  /** The newest run before a place: what stands after it is none. */
  async #lastRunBefore(place: number): Promise<KeptRun | undefined> {
    for (let [to, count] = [place - 1, 8]; to > 0; to -= count, count = Math.min(2 * count, BACK_MAX)) {
      const asked = Array.from({ length: Math.min(count, to) }, (_, index) => this.#get({ seq: to - index }));
      const found = await Promise.all(asked);
      const run = found.find((message) => message?.run !== undefined)?.run;
      // Nothing at all is what stands before the stream's first message.
      if (run !== undefined || found.every((message) => message === undefined)) return run;
    }
    return undefined;
  }

  async #get(query: Query): Promise<Message | undefined> {
    const stream = streamOf(this.service);
    return await this.#link.jetStream(`reading the stream ${stream}`, async ({ manager }) => {
      try {
        const message = await manager.streams.getMessage(stream, query);
        if (message === null) return undefined;
        const { seq, data, header, time } = message;
        return { place: seq, at: time.getTime(), run: this.#runFrom(seq, { data, headers: header }) };
      } catch (error) {
        if (isMissingStream(error)) return undefined;
        throw error;
      }
    });
  }

  /** The run in a message; undefined when it is none: that is told of, once for each message. */
  #runFrom(place: number, { data, headers }: Stored): KeptRun | undefined {
    const { service } = this;
    const [after, upTo] = [positionIn(headers, RUN_HEADERS.after), positionIn(headers, RUN_HEADERS.upTo)];
    const holes = headers?.get(RUN_HEADERS.holes) ?? "";
    try {
      const claim = { service, after, upTo, text: new TextDecoder().decode(data) };
      return { place, bytes: data.length + 64, ...readRun(holes === "" ? claim : { ...claim, holes }) };
    } catch (error) {
      this.#link.foreign(streamOf(service), place, (error as Error).message);
      return undefined;
    }
  }
}

function positionIn(headers: Stored["headers"], name: string): number | undefined {
  const text = headers?.get(name) ?? "";
  const position = Number(text);
  return text !== "" && Number.isSafeInteger(position) && position >= 0 ? position : undefined;
}
