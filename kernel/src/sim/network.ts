/**
 * The network: questions and answers between machines, each of which may be lost, late or doubled, and partitions that
 * cut one direction or both. Whoever asks learns that no answer came, never why.
 */
import { Unreachable } from "../transport/mod.ts";
import type { FaultKind, Faults } from "./faults.ts";
import type { EventDetails, History } from "./history.ts";
import type { Incarnation, Machine } from "./machine.ts";
import type { Scheduler } from "./scheduler.ts";

/** What somebody asks of a process on another machine. */
export interface Question {
  readonly to: string;
  readonly port: string;
  /** What is asked for: a name for people, stable over runs. */
  readonly what: string;
  /** What it is about: tells occasions of one `what` apart. */
  readonly about: string;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** How an answer is to be told: a fault's code, a status; nothing when there is nothing to say. */
  readonly outcomeOf?: (answer: string) => string | undefined;
  /** What its losses are called, where not "request lost" and "reply lost". */
  readonly losses?: { readonly request: FaultKind; readonly reply: FaultKind };
  /** The life of the process that it is for, where it travels on a connection; whichever listens unless said. */
  readonly life?: Incarnation | undefined;
}

/** Who asks: a process, or somebody outside. */
export interface Asker {
  readonly name: string;
  /** Runs what follows from the answer where the asker is, if it still is. */
  enter(action: () => void): void;
}

/** What a network is made of. */
export interface NetworkParts {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly history: History;
  readonly machines: ReadonlyMap<string, Machine>;
  /** Lets a process die. */
  readonly crash: (machine: Machine, why: string) => void;
}

const LOSSES = { request: "request lost", reply: "reply lost" } as const;
/** One way within the fleet, in milliseconds: at least, and what is added at most. */
const LATENCY_MS = 0.3;
const JITTER_MS = 1.2;
/** How late a delayed message is at most, in milliseconds. */
const DELAY_MS = 800;
/** For how long a connection sends again what is not acknowledged, before it is given up, in milliseconds. */
const RESENT_MS = 1_500;

/** Carries questions and answers. */
export class Network {
  readonly #parts: NetworkParts;
  /** Directions that are cut: `from>to`, and until when. */
  readonly #cuts = new Map<string, number>();

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** Cuts a direction until a moment. */
  cut(from: string, to: string, untilMs: number): void {
    const name = `${from}>${to}`;
    this.#cuts.set(name, Math.max(untilMs, this.#cuts.get(name) ?? 0));
  }

  /** Mends everything. */
  heal(): void {
    this.#cuts.clear();
  }

  /** Asks. Rejects with {@link Unreachable} when no answer came: then nobody knows whether it was heard. */
  ask(asker: Asker, question: Question): Promise<string> {
    const { scheduler, faults, history } = this.#parts;
    const { to, what, about, body, signal } = question;
    if (signal?.aborted === true)
      return Promise.reject(Unreachable.with({ service: to, reason: "the caller gave up" }));
    const occasion = faults.occasion(`${asker.name}>${to} ${what} ${about}`);
    const details = { about, exchange: history.nextExchange() };
    history.record("send", asker.name, what, to, { ...details, body });
    const mayCancel = (): boolean => !this.#isCut(asker.name, to);
    const exchange = new Exchange(this.#parts, { asker, question, occasion, details, mayCancel });
    const isCut = this.#isCut(asker.name, to);
    const { request } = question.losses ?? LOSSES;
    if (isCut || faults.strikes(request, occasion)) {
      history.record("lost", asker.name, `${what}${isCut ? " (partition)" : ""}`, to, details);
      exchange.noticeLater("it was lost");
    } else {
      const late = faults.strikes("request delayed", occasion) ? DELAY_MS * faults.amount("late", occasion) : 0;
      const isOpen = (): boolean => !this.#isCut(to, asker.name);
      scheduler.after(late + latency(faults, `there ${occasion}`), () => exchange.arrive(isOpen, true));
      if (faults.strikes("request doubled", occasion)) {
        const gap = DELAY_MS * faults.amount("gap", occasion);
        scheduler.after(late + gap + LATENCY_MS, () => exchange.arrive(isOpen, false));
      }
    }
    return exchange.answer;
  }

  /** Tells somebody something without an answer. Returns whether it is under way. */
  tell(from: string, to: string, what: string, action: () => void): void {
    const { scheduler, faults, machines } = this.#parts;
    const { incarnation } = machines.get(to) ?? {};
    if (incarnation === undefined || this.#isCut(from, to)) return;
    const delayMs = latency(faults, faults.occasion(`${from}>${to} ${what}`));
    scheduler.after(delayMs, () => machines.get(to)?.enter(incarnation, action));
  }

  /**
   * Carries something on a connection: once, and surely, unless the way is cut for longer than a connection bears. Returns
   * whether it gets there. The order of what is under way at one time is not kept.
   */
  carry({ from, to, takesMs }: Way, deliver: () => void): boolean {
    const { scheduler } = this.#parts;
    const cutMs = Math.max(0, (this.#cuts.get(`${from}>${to}`) ?? 0) - scheduler.now);
    if (cutMs > RESENT_MS) return false;
    scheduler.after(cutMs + takesMs, deliver);
    return true;
  }

  #isCut(from: string, to: string): boolean {
    const until = this.#cuts.get(`${from}>${to}`);
    return until !== undefined && until > this.#parts.scheduler.now;
  }
}

/** A direction between two machines, and how long it takes, in milliseconds. */
export interface Way {
  readonly from: string;
  readonly to: string;
  readonly takesMs: number;
}

function latency(faults: Faults, occasion: string): number {
  return LATENCY_MS + JITTER_MS * faults.amount("latency", occasion);
}

/** One question on its way, and its answer. */
class Exchange {
  readonly answer: Promise<string>;
  readonly #parts: NetworkParts;
  readonly #asker: Asker;
  readonly #question: Question;
  readonly #occasion: string;
  readonly #details: EventDetails;
  readonly #abort = new AbortController();
  /** The process that was asked, once it was. */
  #asked: { readonly machine: Machine; readonly incarnation: Incarnation } | undefined;
  readonly #mayCancel: () => boolean;
  #settle: ((action: () => void) => void) | undefined;
  #resolve: (text: string) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(parts: NetworkParts, { asker, question, occasion, details, mayCancel }: Asked) {
    this.#parts = parts;
    this.#asker = asker;
    this.#question = question;
    this.#occasion = occasion;
    this.#details = details;
    this.#mayCancel = mayCancel;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const timer = parts.scheduler.after(question.timeoutMs, () => this.#fail("it took too long"));
    const gaveUp = (): void => {
      this.#cancel();
      this.#fail("the caller gave up");
    };
    question.signal?.addEventListener("abort", gaveUp, { once: true });
    this.#settle = (action) => {
      timer.cancel();
      question.signal?.removeEventListener("abort", gaveUp);
      asker.enter(action);
    };
  }

  /** Lets the asker notice after a while that nothing comes. */
  noticeLater(reason: string): void {
    const afterMs = 50 + 600 * this.#parts.faults.amount("noticed", this.#occasion);
    this.#parts.scheduler.after(afterMs, () => this.#fail(reason));
  }

  /** Lets the callee know, after a while, that nobody waits any more. */
  #cancel(): void {
    const { scheduler, faults } = this.#parts;
    if (!this.#mayCancel()) return;
    scheduler.after(latency(faults, `cancel ${this.#occasion}`), () => {
      const { machine, incarnation } = this.#asked ?? {};
      if (machine === undefined || incarnation === undefined) this.#abort.abort();
      else machine.enter(incarnation, () => this.#abort.abort());
    });
  }

  /** It arrives. Of a doubled question only the first is answered. */
  arrive(isOpen: () => boolean, isFirst: boolean): void {
    const { machines, faults, history, crash } = this.#parts;
    const { to, port, what, body, life } = this.#question;
    const machine = machines.get(to);
    const { incarnation } = machine ?? {};
    const listener = machine?.ports.get(port);
    const isAnother = life !== undefined && life !== incarnation;
    if (machine === undefined || incarnation === undefined || listener === undefined || isAnother) {
      if (!isFirst) return;
      history.record("lost", this.#asker.name, `${what} (nobody listens)`, to, this.#details);
      this.#parts.scheduler.after(LATENCY_MS, () => this.#fail("nobody listens"));
      return;
    }
    machine.enter(incarnation, () => {
      this.#asked = { machine, incarnation };
      history.record("arrive", to, what, this.#asker.name, this.#details);
      if (faults.strikes("crash on arrival", this.#occasion)) {
        crash(machine, `on the arrival of ${what}`);
        if (isFirst) this.#fail("the connection was reset");
        return;
      }
      const alive = incarnation.onDeath(() => isFirst && this.#fail("the connection was reset"));
      void listener(body, this.#abort.signal).then((text) => {
        alive();
        if (incarnation.alive) this.#answered(machine, { text, isOpen, isFirst });
      });
    });
  }

  #answered(machine: Machine, { text, isOpen, isFirst }: Reply): void {
    const { scheduler, faults, history, crash } = this.#parts;
    const { what, losses = LOSSES, outcomeOf } = this.#question;
    if (faults.strikes("crash before reply", this.#occasion)) {
      crash(machine, `before answering ${what}`);
      if (isFirst) this.#fail("the connection was reset");
      return;
    }
    if (!isFirst) return;
    const outcome = outcomeOf?.(text);
    const details = { ...this.#details, body: text, ...(outcome === undefined ? {} : { outcome }) };
    history.record("reply", machine.name, what, this.#asker.name, details);
    const isCut = !isOpen();
    if (isCut || faults.strikes(losses.reply, this.#occasion)) {
      const how = `the answer to ${what}${isCut ? " (partition)" : ""}`;
      history.record("lost", machine.name, how, this.#asker.name, this.#details);
      this.noticeLater("the answer was lost");
      return;
    }
    const late = faults.strikes("reply delayed", this.#occasion) ? DELAY_MS * faults.amount("back", this.#occasion) : 0;
    const backMs = late + latency(faults, `back ${this.#occasion}`);
    scheduler.after(backMs, () => this.#end(() => this.#resolve(text)));
  }

  #fail(reason: string): void {
    const { to } = this.#question;
    this.#end(() => this.#reject(Unreachable.with({ service: to, reason })));
  }

  #end(action: () => void): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(action);
  }
}

interface Asked {
  readonly asker: Asker;
  readonly question: Question;
  readonly occasion: string;
  readonly details: EventDetails;
  /** Whether word that the asker gave up gets through. */
  readonly mayCancel: () => boolean;
}

interface Reply {
  readonly text: string;
  readonly isOpen: () => boolean;
  readonly isFirst: boolean;
}

/** A process that asks. */
export function askerOf(machine: Machine, incarnation: Incarnation): Asker {
  return { name: machine.name, enter: (action) => machine.enter(incarnation, action) };
}
