/** The simulated broker: keeps copies of events on a machine of its own, which forgets what it had not written down. */
import {
  type Broker,
  type EventBatch,
  type EventRecord,
  type HoledRun,
  type LogRun,
  type ReadRequest,
  checkHoles,
  holedRunAt,
  holesAfter,
} from "../events/mod.ts";
import type { Random, Timer } from "../std/mod.ts";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import type { Incarnation, Machine } from "./machine.ts";
import { type Network, askerOf } from "./network.ts";
import type { Scheduler } from "./scheduler.ts";

/** The name of the broker's machine. */
export const BROKER = "broker";

const PORT = "broker";
const TIMEOUT_MS = 2_000;
/** How often the broker writes down what it has, in milliseconds. */
const SYNC_MS = 300;
/** The mean pause between a consumer's looks that nobody asked for, in milliseconds. */
const POLL_MS = 800;
/** How many events before those that were asked for are given again at most. */
const AGAIN_MAX = 4;
const LOSSES = { request: "publish lost", reply: "ack lost" } as const;

interface Kept {
  readonly position: number;
  readonly type: string;
  readonly text: string;
}

interface Stream {
  kept: Kept[];
  holed: HoledRun[];
  upTo: number;
  /** What a crash leaves. */
  syncedUpTo: number;
}

interface Answer extends Omit<EventBatch, "events"> {
  readonly texts: readonly string[];
}

type Ask =
  | { readonly op: "append"; readonly run: LogRun }
  | { readonly op: "head"; readonly service: string }
  | {
      readonly op: "read";
      readonly service: string;
      readonly request: Omit<ReadRequest, "types">;
      readonly types?: string[];
    };

/** What the broker is made of. */
export interface BrokerParts {
  readonly machine: Machine;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly faults: Faults;
  readonly history: History;
}

/** The broker's machine and what is on its disk. */
export class SimBroker {
  readonly #parts: BrokerParts;
  readonly #streams = new Map<string, Stream>();
  readonly #subscribers = new Map<string, Map<string, () => void>>();

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  /** Starts its process. */
  start(): void {
    const { machine } = this.#parts;
    const incarnation = machine.born();
    machine.ports.set(PORT, async (body) => JSON.stringify(this.#answer(JSON.parse(body) as Ask)));
    this.#syncSoon(incarnation);
  }

  /** Its process dies: what it had not written down is gone; if `wiped`, everything is. */
  dies(wiped: boolean): void {
    this.#parts.machine.dies();
    for (const stream of this.#streams.values()) {
      if (wiped) stream.syncedUpTo = 0;
      stream.upTo = stream.syncedUpTo;
      stream.kept = stream.kept.filter(({ position }) => position <= stream.upTo);
      stream.holed = stream.holed
        .filter(({ after }) => after < stream.upTo)
        .map((run) => ({ ...run, upTo: Math.min(run.upTo, stream.upTo) }));
    }
  }

  /** The broker as a process of the fleet reaches it. */
  clientOf(machine: Machine, incarnation: Incarnation, random: Random): Broker {
    const asker = askerOf(machine, incarnation);
    const ask = async <T>(about: string, ask: Ask, losses?: typeof LOSSES): Promise<T> =>
      JSON.parse(
        await this.#parts.network.ask(asker, {
          ...{ to: BROKER, port: PORT, what: `${ask.op} ${about}`, about: "", timeoutMs: TIMEOUT_MS },
          body: JSON.stringify(ask),
          ...(losses === undefined ? {} : { losses }),
        }),
      ) as T;
    return {
      append: (run) => ask(run.service, { op: "append", run }, LOSSES),
      head: (service) => ask(service, { op: "head", service }),
      source: (service) => ({
        service,
        isCopy: true,
        head: () => ask(service, { op: "head", service }),
        // It keeps all but what it loses of its end.
        begin: async () => 0,
        async read({ types, ...request }) {
          const wanted = types === undefined ? {} : { types: [...types] };
          const { texts, ...batch } = await ask<Answer>(service, { ...{ op: "read", service, request }, ...wanted });
          checkHoles(service, request, batch.holes);
          return { ...batch, events: texts.map(eventFrom) } satisfies EventBatch;
        },
        onAppend: (listener) => this.#subscribe({ service, machine, incarnation, random }, listener),
      }),
    };
  }

  #answer(ask: Ask): unknown {
    switch (ask.op) {
      case "append":
        return this.#append(ask.run);
      case "head":
        return this.#stream(ask.service).upTo;
      case "read":
        return this.#read(ask);
    }
  }

  #append({ service, after, upTo, events, holes }: LogRun): number {
    const stream = this.#stream(service);
    if (after > stream.upTo || upTo <= stream.upTo) return stream.upTo;
    for (const event of events) {
      if (event.position <= stream.upTo) continue;
      const text = JSON.stringify(event);
      stream.kept.push({ position: event.position, type: event.type, text });
      const details = { about: event.key, body: text };
      this.#parts.history.record("publish", BROKER, `${service}.${event.type}`, undefined, details);
    }
    if (holes !== undefined) stream.holed.push({ after: stream.upTo, upTo, holes });
    stream.upTo = upTo;
    this.#tellAll(service, upTo);
    return upTo;
  }

  #read({ service, request, types }: Extract<Ask, { op: "read" }>): Answer {
    const { faults } = this.#parts;
    const { kept, holed, upTo } = this.#stream(service);
    const { after, limit } = request;
    const { holes: all, end } = holedRunAt(holed, after);
    const holes = holesAfter(all, after, types && new Set(types));
    const [start, stop] = [indexAfter(kept, after), end >= upTo ? kept.length : indexAfter(kept, end)];
    const run = kept.slice(start, Math.min(start + limit, stop));
    const whole = start + run.length === stop;
    const at = whole ? Math.max(after, Math.min(end, upTo)) : (run.at(-1)?.position ?? after);
    const occasion = faults.occasion(`read ${service} after ${after} ${types?.join() ?? ""}`);
    const again = start > 0 && faults.strikes("event redelivered", occasion);
    const from = again ? Math.max(0, start - 1 - Math.floor(AGAIN_MAX * faults.amount("again", occasion))) : start;
    const wanted = [...kept.slice(from, start), ...run].filter(
      ({ type }) => types === undefined || types.includes(type),
    );
    return {
      texts: wanted.map(({ text }) => text),
      upTo: at,
      more: at < upTo,
      ...(holes === undefined ? {} : { holes }),
    };
  }

  #stream(service: string): Stream {
    let stream = this.#streams.get(service);
    if (stream === undefined) {
      stream = { kept: [], holed: [], upTo: 0, syncedUpTo: 0 };
      this.#streams.set(service, stream);
    }
    return stream;
  }

  #syncSoon(incarnation: Incarnation): void {
    this.#parts.machine.later(incarnation, SYNC_MS, () => {
      for (const stream of this.#streams.values()) stream.syncedUpTo = stream.upTo;
      this.#syncSoon(incarnation);
    });
  }

  #tellAll(service: string, upTo: number): void {
    const { network, faults } = this.#parts;
    for (const [subscriber, listener] of this.#subscribers.get(service) ?? []) {
      const machine = subscriber.slice(0, subscriber.indexOf("/"));
      const what = `news of ${service} up to ${upTo}`;
      if (faults.strikes("event late", faults.occasion(`${BROKER}>${subscriber} ${what}`))) continue;
      network.tell(BROKER, machine, what, listener);
    }
  }

  #subscribe({ service, machine, incarnation, random }: Subscriber, listener: () => void): () => void {
    const subscribers = this.#subscribers.get(service) ?? new Map<string, () => void>();
    this.#subscribers.set(service, subscribers);
    let n = 0;
    while (subscribers.has(`${machine.name}/${n}`)) n += 1;
    const name = `${machine.name}/${n}`;
    subscribers.set(name, listener);
    let timer: Timer;
    const poll = (): void => {
      timer = machine.later(incarnation, POLL_MS * (0.5 + random.next()), () => {
        listener();
        poll();
      });
    };
    poll();
    let isOver = false;
    const end = (): void => {
      // By the second time the place may be another's.
      if (isOver) return;
      isOver = true;
      timer.cancel();
      subscribers.delete(name);
      forget();
    };
    const forget = incarnation.onDeath(end);
    return end;
  }
}

/** The index of the first event after a position. */
function indexAfter(kept: readonly Kept[], position: number): number {
  const index = kept.findIndex((one) => one.position > position);
  return index < 0 ? kept.length : index;
}

/** JSON leaves out what is undefined. */
function eventFrom(text: string): EventRecord {
  const event = JSON.parse(text) as EventRecord;
  return { ...event, trace: event.trace };
}

interface Subscriber {
  readonly service: string;
  readonly machine: Machine;
  readonly incarnation: Incarnation;
  readonly random: Random;
}
