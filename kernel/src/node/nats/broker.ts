/**
 * Events over NATS JetStream: a stream for each service, a message for each run.
 *
 * What holds across a crash, of this host or of the server: a run is only added when the stream's last message is the
 * one that was looked at (`Nats-Expected-Last-Sequence`), and it begins where that one ends. So the stream never has a
 * gap, nothing in it is twice, and of two relays of one log one is refused. What the server loses although it had
 * acknowledged it takes the head back, and is sent again.
 */
import { headers } from "@nats-io/transport-node";
import { type Broker, type EventSource, type LogRun, type RunPiece, RunReader, piecesOf } from "../../events/mod.ts";
import type { Clock, Random } from "../../std/mod.ts";
import { isFenced } from "./fence.ts";
import type { JetStreamAccess, NatsLink } from "./link.ts";
import { eventsSubject, streamOf } from "./names.ts";
import { NatsRunStore, RUN_HEADERS, type StreamEnd } from "./run-store.ts";
import { type StreamOptions, isMissingStream, makeStreams } from "./streams.ts";

/** What {@link jetStreamBroker} needs. */
export interface JetStreamBrokerOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * When said, a stream that is missing is made like this. For systems whose services share a user; where each has its
   * own, whoever runs the fleet makes the streams.
   */
  readonly make?: StreamOptions;
  /** How long the streams keep events, in milliseconds, when not for ever: the head is kept alive meanwhile. */
  readonly ageMsMax?: number;
  /**
   * The most bytes of several events in a message; 256 KiB unless said, and never more than the server takes. One event
   * alone may have as many as the server takes.
   */
  readonly messageBytesMax?: number;
}

/** Where a stream ends: its last sequence, and the position up to which it has everything. */
interface End {
  readonly sequence: number;
  readonly head: number;
}

/** How often an append looks again after another came before it. */
const TRIES = 5;
/** What a message has besides its events, in bytes: headers, subject. */
const ENVELOPE_BYTES = 1_024;
/** After which part of the age that the stream keeps its end is said again. */
const ALIVE_PART = 3;

/** Makes the broker over a link. Close it before the link. */
export function jetStreamBroker(options: JetStreamBrokerOptions): JetStreamBroker {
  return new JetStreamBroker(options);
}

/** Events in streams of NATS. */
export class JetStreamBroker implements Broker {
  readonly #options: JetStreamBrokerOptions;
  readonly #ends = new Map<string, End>();
  /** One append after another for each service. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #sources = new Map<string, RunReader>();

  constructor(options: JetStreamBrokerOptions) {
    this.#options = options;
  }

  append(run: LogRun): Promise<number> {
    const turn = (this.#turns.get(run.service) ?? Promise.resolve()).then(() => this.#append(run));
    this.#turns.set(
      run.service,
      turn.catch(() => {}),
    );
    return turn;
  }

  async head(service: string): Promise<number> {
    const { link, clock, ageMsMax } = this.#options;
    const last = await new NatsRunStore(link, service).end();
    if (last === undefined) {
      this.#ends.delete(service);
      return 0;
    }
    const end = endOf(last);
    this.#ends.set(service, end);
    if (ageMsMax !== undefined && clock.now() - last.at > ageMsMax / ALIVE_PART) {
      // Else the last message ends some day, and with it the knowledge of where the stream is.
      await this.#publish(service, end, { after: end.head, upTo: end.head, text: "" });
    }
    return end.head;
  }

  source(service: string): EventSource {
    let source = this.#sources.get(service);
    if (source === undefined) {
      const { link, clock, random } = this.#options;
      source = new RunReader({ store: new NatsRunStore(link, service), clock, random });
      this.#sources.set(service, source);
    }
    return source;
  }

  /** Ends its sources: they tell nobody any more. */
  close(): void {
    for (const source of this.#sources.values()) source.close();
  }

  async #append(run: LogRun): Promise<number> {
    const { service, after, upTo } = run;
    let end = this.#ends.get(service);
    for (let tries = 0; tries < TRIES; tries += 1) {
      // What is remembered may be old; it is only good for adding to, for then the server checks it.
      if (end === undefined || after > end.head || upTo <= end.head) end = await this.#look(service);
      if (after > end.head || upTo <= end.head) return end.head;
      end = await this.#add(run, end);
      if (end !== undefined && end.head >= upTo) return end.head;
    }
    return (await this.#look(service)).head;
  }

  /** Adds what the stream lacks of a run; undefined when another was faster. */
  async #add(run: LogRun, from: End): Promise<End | undefined> {
    const { link, messageBytesMax = 262_144 } = this.#options;
    const holesBytes = run.holes === undefined ? 0 : JSON.stringify(run.holes).length;
    const bytesMax = link.messageBytesMax - ENVELOPE_BYTES - holesBytes;
    const limits = { cutAt: Math.min(messageBytesMax, bytesMax), bytesMax };
    let end: End | undefined = from;
    for (const piece of piecesOf(run, from.head, limits)) {
      end = await this.#publish(run.service, end, piece);
      if (end === undefined) return undefined;
    }
    return end;
  }

  async #publish(service: string, end: End, piece: RunPiece): Promise<End | undefined> {
    const { link } = this.#options;
    // Until the answer is here it is not known where the stream ends.
    this.#ends.delete(service);
    const added = await link.jetStream(`adding to the stream ${streamOf(service)}`, async ({ client }) => {
      const about = headers();
      about.set(RUN_HEADERS.after, String(piece.after));
      about.set(RUN_HEADERS.upTo, String(piece.upTo));
      if (piece.holes !== undefined) about.set(RUN_HEADERS.holes, piece.holes);
      try {
        const { seq } = await client.publish(eventsSubject(service), piece.text, {
          headers: about,
          expect: { streamName: streamOf(service), lastSequence: end.sequence },
        });
        return { sequence: seq, head: piece.upTo };
      } catch (error) {
        if (isFenced(error)) return undefined;
        throw error;
      }
    });
    if (added !== undefined) this.#ends.set(service, added);
    return added;
  }

  /** Asks the server where the stream ends. */
  async #look(service: string): Promise<End> {
    const { link, make } = this.#options;
    const last = await new NatsRunStore(link, service).end();
    if (last !== undefined) return endOf(last);
    // An empty stream still counts on from what it had.
    const sequence = await link.jetStream(`looking at the stream ${streamOf(service)}`, (access) =>
      lastSequenceOf(access, service),
    );
    if (sequence === undefined && make !== undefined) await makeStreams(link, [service], make);
    return { sequence: sequence ?? 0, head: 0 };
  }
}

function endOf({ place, run }: StreamEnd): End {
  return { sequence: place, head: run?.upTo ?? 0 };
}

async function lastSequenceOf({ manager }: JetStreamAccess, service: string): Promise<number | undefined> {
  try {
    const { state } = await manager.streams.info(streamOf(service));
    return state.last_seq;
  } catch (error) {
    if (isMissingStream(error)) return undefined;
    throw error;
  }
}
