/** A broker in memory that does what the port says and nothing else, and that tests can make fail. */
import type { Broker, LogRun } from "../broker.ts";
import type { EventRecord } from "../event.ts";
import { type HoledRun, checkHoles, holedRunAt, holesAfter } from "../holes.ts";
import type { EventBatch, EventSource, ReadRequest } from "../source.ts";

interface Stream {
  events: EventRecord[];
  holed: HoledRun[];
  head: number;
  readonly listeners: Set<() => void>;
}

/** Keeps events in memory. */
export class MemoryBroker implements Broker {
  readonly #streams = new Map<string, Stream>();
  /** Runs that were asked to be added, in order. */
  readonly appended: LogRun[] = [];
  /** Runs before each append; what it throws is thrown. */
  beforeAppend: (run: LogRun) => Promise<void> = async () => {};
  /** Runs after each append, before it is acknowledged; what it throws is thrown. */
  afterAppend: (run: LogRun) => Promise<void> = async () => {};
  /** Runs before each question for the head; what it throws is thrown. */
  beforeHead: () => Promise<void> = async () => {};

  async append(run: LogRun): Promise<number> {
    await this.beforeAppend(run);
    this.appended.push(run);
    const stream = this.#of(run.service);
    if (run.after <= stream.head && run.upTo > stream.head) {
      const fresh = run.events.filter(({ position }) => position > stream.head);
      stream.events.push(...structuredClone(fresh));
      if (run.holes !== undefined) stream.holed.push({ after: stream.head, upTo: run.upTo, holes: run.holes });
      stream.head = run.upTo;
      for (const listener of stream.listeners) listener();
    }
    const { head } = stream;
    await this.afterAppend(run);
    return head;
  }

  async head(service: string): Promise<number> {
    await this.beforeHead();
    return this.#of(service).head;
  }

  /** Loses everything after a position, as a broker does that had not written it down. */
  forget(service: string, position: number): void {
    const stream = this.#of(service);
    stream.events = stream.events.filter((event) => event.position <= position);
    stream.head = Math.min(stream.head, position);
    stream.holed = stream.holed
      .filter(({ after }) => after < position)
      .map((run) => ({ ...run, upTo: Math.min(run.upTo, position) }));
  }

  /** What it has of a service. */
  positions(service: string): number[] {
    return this.#of(service).events.map(({ position }) => position);
  }

  source(service: string): EventSource {
    const stream = this.#of(service);
    return {
      service,
      isCopy: true,
      head: async () => stream.head,
      // What it forgets, it forgets from its end: it begins with the first run.
      begin: async () => 0,
      read: async (request: ReadRequest): Promise<EventBatch> => {
        const { after, limit, types } = request;
        const { holes: all, end } = holedRunAt(stream.holed, after);
        const holes = holesAfter(all, after, types);
        checkHoles(service, request, holes);
        const left = stream.events.filter(({ position }) => position > after && position <= end);
        const run = left.slice(0, limit);
        const isWhole = run.length === left.length;
        const upTo = isWhole ? Math.max(after, Math.min(end, stream.head)) : (run.at(-1)?.position ?? after);
        return {
          events: structuredClone(run.filter(({ type }) => types === undefined || types.has(type))),
          upTo,
          more: upTo < stream.head,
          ...(holes === undefined ? {} : { holes }),
        };
      },
      onAppend(listener) {
        const own = (): void => listener();
        stream.listeners.add(own);
        return () => stream.listeners.delete(own);
      },
    };
  }

  #of(service: string): Stream {
    let stream = this.#streams.get(service);
    if (stream === undefined) {
      stream = { events: [], holed: [], head: 0, listeners: new Set() };
      this.#streams.set(service, stream);
    }
    return stream;
  }
}
