/** A broker in memory that does what the port says and nothing else, and that tests can make fail. */
import type { Broker, LogRun } from "../broker.ts";
import type { EventRecord } from "../event.ts";
import type { EventBatch, EventSource, ReadRequest } from "../source.ts";

interface Stream {
  events: EventRecord[];
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
      read: async ({ after, limit, types }: ReadRequest): Promise<EventBatch> => {
        const left = stream.events.filter(({ position }) => position > after);
        const run = left.slice(0, limit);
        const isWhole = run.length === left.length;
        return {
          events: structuredClone(run.filter(({ type }) => types === undefined || types.has(type))),
          upTo: isWhole ? Math.max(after, stream.head) : (run.at(-1)?.position ?? after),
          more: !isWhole,
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
      stream = { events: [], head: 0, listeners: new Set() };
      this.#streams.set(service, stream);
    }
    return stream;
  }
}
