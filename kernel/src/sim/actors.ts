/** Actors: the people and programs outside that use the system while it is attacked. */
import type { Call, Identity } from "../contract/mod.ts";
import type { Random, Timer } from "../std/mod.ts";
import type { Fleet } from "./fleet.ts";
import type { History } from "./history.ts";
import { askGateway } from "./http.ts";
import type { Asker } from "./network.ts";
import { between, forkedRandom, pick } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

/** An answer of the gateway. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed, where it is JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- actors look into answers freely; schemas are checked elsewhere.
  readonly body: any;
}

/** How to ask over HTTP. */
export interface Asking {
  readonly body?: unknown;
  /** The idempotency key. */
  readonly key?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** 5,000 unless said. */
  readonly timeoutMs?: number;
}

/** What an actor has. */
export interface ActorContext {
  readonly name: string;
  readonly random: Random;
  /** Virtual milliseconds since the simulation began. */
  readonly now: number;
  /** Whether faults are over. */
  readonly healed: boolean;
  /** Asks over HTTP, once. Rejects when there is no answer: then nobody knows whether it happened. */
  ask(method: string, target: string, asking?: Asking): Promise<Answer>;
  /**
   * Asks over HTTP until somebody answers for good: repeats what got no answer, 5xx, 429, and what is in flight, always with
   * the same key.
   */
  persist(method: string, target: string, asking?: Asking): Promise<Answer>;
  /** Makes a call past the gateway, as an identity; repeats it with its key until its outcome is known. */
  call<Output>(call: Call<string, Output>, options: CallOptions): Promise<Output>;
  sleep(ms: number): Promise<void>;
  /** A whole number between two, both included. */
  between(least: number, most: number): number;
  pick<T>(list: readonly T[]): T;
  /** Tells the story, and what was reached: `sometimes` properties count notes by name. */
  note(what: string): void;
  /** Keeps something that properties need to know: what was acknowledged to whom. */
  report(what: unknown): void;
}

/** How a call is made. */
export interface CallOptions {
  /** The idempotency key. */
  readonly key: string;
  readonly identity?: Identity;
}

/**
 * An actor: a name, and a generator. What it yields is how long it pauses, in virtual milliseconds, or nothing for a pause
 * of its own choosing.
 */
export interface Actor {
  readonly name: string;
  readonly act: (context: ActorContext) => AsyncGenerator<number | void, void, void>;
}

/** Makes an actor. Its name is what its randomness and its faults are named after: unique in the simulation. */
export function actor(name: string, act: Actor["act"]): Actor {
  return { name, act };
}

/** What actors live in. */
export interface StageParts {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly fleet: Fleet;
  readonly isHealed: () => boolean;
  readonly reports: unknown[];
  readonly onNote: (what: string) => void;
}

const TIMEOUT_MS = 5_000;
const PAUSE_MS = 120;
const THINKING_MS = 60;

/** Lets an actor act; resolves when it is through. @throws what it throws. */
export async function perform(parts: StageParts, { name, act }: Actor): Promise<void> {
  const context = contextOf(parts, name);
  for await (const pause of act(context)) await context.sleep(pause ?? context.between(1, THINKING_MS));
}

function contextOf(parts: StageParts, name: string): ActorContext {
  const { seed, scheduler, history, fleet } = parts;
  const random = forkedRandom(seed, `actor/${name}`);
  const asker: Asker = { name, enter: (action) => action() };
  const http = fleet.httpOf(asker);
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => void (scheduler.after(ms, resolve) satisfies Timer));
  const ask = async (method: string, target: string, asking: Asking = {}): Promise<Answer> => {
    const { body, key, token, timeoutMs = TIMEOUT_MS } = asking;
    const response = await askGateway(http, {
      ...{ method, target, timeoutMs },
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...asking.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { ...response, body: parsed(response) };
  };
  const persist = async (method: string, target: string, asking: Asking = {}): Promise<Answer> => {
    for (;;) {
      const answer = await ask(method, target, asking).catch(() => undefined);
      if (answer !== undefined && isFinal(answer)) return answer;
      await sleep(PAUSE_MS * (0.5 + random.next()));
    }
  };
  return {
    name,
    random,
    get now() {
      return scheduler.now;
    },
    get healed() {
      return parts.isHealed();
    },
    ask,
    persist,
    async call<Output>(call: Call<string, Output>, options: CallOptions): Promise<Output> {
      for (;;) {
        try {
          return (await fleet.invokeAs(asker, call, options)) as Output;
        } catch (error) {
          const { kind } = error as { kind?: string };
          if (kind !== "unavailable" && kind !== "exhausted" && !isInFlight(error)) throw error;
        }
        await sleep(PAUSE_MS * (0.5 + random.next()));
      }
    },
    sleep,
    between: (least, most) => between(random, least, most),
    pick: (list) => pick(random, list),
    note(what) {
      history.record("note", name, what);
      parts.onNote(what);
    },
    report: (what) => void parts.reports.push(what),
  };
}

function isInFlight(error: unknown): boolean {
  return (error as { code?: string }).code === "kernel/key-in-flight";
}

function isFinal({ status, body }: Answer): boolean {
  if (status === 409 && (body as { code?: string } | undefined)?.code === "kernel/key-in-flight") return false;
  return status < 500 && status !== 429;
}

function parsed({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }): unknown {
  if (body === "" || headers["content-type"]?.includes("json") !== true) return body;
  return JSON.parse(body);
}
