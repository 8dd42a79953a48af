/**
 * Redrives or discards dead letters. One that fails again stops the later ones of its key at its subscriber, and nothing
 * else; what became of all is said in the end.
 */
import { LetterUnknown, LettersLeft, NoAnswer, NoFleet, OtherProtocol } from "../node/fleet/mod.ts";
import { isFault, toFault } from "../std/mod.ts";

/** How many names a refusal lists, and how many reasons are told. */
const KNOWN_MAX = 20;
const REASONS_MAX = 20;
const REASON_CHARS = 300;

/** A dead letter, as the fleet names it. */
export interface Letter {
  readonly service: string;
  readonly consumer: string;
  readonly source: string;
  readonly eventId: string;
  readonly type: string;
  readonly key: string;
}

/** What is to be done with which: an event's letters, or `all`. */
export interface Decision {
  readonly do: "redrive" | "discard";
  readonly event: string;
}

/** The fleet, as it is needed here. */
export interface Letters {
  /** The letters after a place, in order within each subscriber and source; `next` when there are more. */
  page(after: string | undefined): Promise<{ readonly items: readonly Letter[]; readonly next?: string }>;
  /** Does it with one letter; resolves to whether it was there. @throws why it could not be done. */
  decide(operation: Decision["do"], letter: Letter): Promise<boolean>;
  /** Hears what was done when it cannot be gone on with. */
  say(text: string): void;
}

/** Resolves to what was done. @throws {LetterUnknown} for a letter that there is not, {LettersLeft} when some are left. */
export async function decideLetters(decision: Decision, fleet: Letters): Promise<string> {
  const deciding = new Deciding(decision, fleet);
  try {
    await deciding.all();
  } catch (error) {
    if (deciding.hasBegun) fleet.say(deciding.summary);
    throw error;
  }
  return deciding.end();
}

class Deciding {
  readonly #decision: Decision;
  readonly #fleet: Letters;
  readonly #known: string[] = [];
  readonly #reasons: string[] = [];
  /** Keys, each at one subscriber, that something is left of; and services whose processes do not answer. */
  readonly #stuck = new Set<string>();
  readonly #away = new Set<string>();
  #meant = 0;
  #done = 0;
  #gone = 0;
  #failed = 0;

  constructor(decision: Decision, fleet: Letters) {
    this.#decision = decision;
    this.#fleet = fleet;
  }

  get hasBegun(): boolean {
    return this.#meant > 0;
  }

  async all(): Promise<void> {
    const { do: operation, event } = this.#decision;
    const isAll = event === "all" && operation === "redrive";
    // Page by page: however many there are, those that fail again stay behind.
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await this.#fleet.page(after);
      after = page.next;
      for (const letter of page.items) {
        if (this.#known.length < KNOWN_MAX) this.#known.push(letter.eventId);
        if (isAll || letter.eventId === event) await this.#one(letter);
      }
    }
  }

  /** What is to be printed. @throws when not all that was meant is done. */
  end(): string {
    const { event } = this.#decision;
    if (this.#meant === 0 && event !== "all") throw LetterUnknown.with({ event, known: this.#known });
    if (this.#done + this.#gone === this.#meant) return this.summary;
    const more = this.#failed - this.#reasons.length;
    const lines = [...this.#reasons, ...(more > 0 ? [`and ${more} more`] : [])].map((line) => `  ${line}`);
    throw LettersLeft.with({ summary: [`${this.summary}:`, ...lines].join("\n") });
  }

  get summary(): string {
    const waiting = this.#meant - this.#done - this.#gone - this.#failed;
    const done = `${this.#done} of ${this.#meant} ${this.#decision.do === "redrive" ? "handled" : "discarded"}`;
    const rest = {
      "gone already": this.#gone,
      [this.#decision.do === "redrive" ? "failed again" : "failed"]: this.#failed,
      [this.#failed > 0 ? "left behind those" : "left"]: waiting,
    };
    const told = Object.entries(rest).filter(([, count]) => count > 0);
    return [done, ...told.map(([what, count]) => `${count} ${what}`)].join(", ");
  }

  async #one(letter: Letter): Promise<void> {
    const { service, consumer, source, key } = letter;
    const lane = JSON.stringify([service, consumer, source, key]);
    this.#meant += 1;
    if (this.#stuck.has(lane) || this.#away.has(service)) return;
    try {
      if (await this.#fleet.decide(this.#decision.do, letter)) this.#done += 1;
      else this.#gone += 1;
    } catch (error) {
      // Without a fleet nothing else can be done either, and what is no fault is a mistake of this program.
      if (!isFault(error) || NoFleet.is(error) || OtherProtocol.is(error)) throw error;
      this.#failed += 1;
      if (this.#decision.do === "redrive") this.#stuck.add(lane);
      // It was waited for once.
      if (NoAnswer.is(error)) this.#away.add(service);
      if (this.#reasons.length < REASONS_MAX) this.#reasons.push(reasonOf(letter, error));
    }
  }
}

function reasonOf({ service, consumer, source, eventId, type, key }: Letter, error: unknown): string {
  const { code, message } = toFault(error);
  const who = consumer === service ? service : `${consumer} of ${service}`;
  return `${eventId} (${source}.${type} "${key}" for ${who}): ${code}: ${message.slice(0, REASON_CHARS)}`;
}
