/**
 * What operators ask of the whole fleet: each process knows its own services only, so all are asked, or the one that can
 * answer. Whoever may connect to the fleet's socket may ask, and so may the process with the operator's service, for those
 * whom its contract lets in; what changes something is told of, and in the processes' logs.
 */
import { Invalid, type TypeOf } from "../../schema/mod.ts";
import { type LetterPlace, NotOperated, OPERATOR_LIMIT, isOperation, letterPage, operator } from "../../runtime/mod.ts";
import { isFault, toFault } from "../../std/mod.ts";
import type { AskSchema } from "./control-protocol.ts";
import type { FleetEngines } from "./engine.ts";
import { NoAnswer, NoStreams, OtherBuild, QuestionRefused, UnknownName } from "./faults.ts";
import type { Group } from "./group.ts";
import type { HostQuestion } from "./host-messages.ts";
import type { Instance } from "./instance.ts";

/** What is asked. */
export type FleetQuestion = TypeOf<typeof AskSchema>;

/** What {@link Asking} needs of the fleet. */
export interface AskingOptions {
  readonly groups: ReadonlyMap<string, Group>;
  readonly engines: FleetEngines;
  readonly say: (text: string) => void;
}

type Item = Readonly<Record<string, unknown>>;

/** Answers operators. */
export class Asking {
  readonly #options: AskingOptions;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /**
   * Answers what a process asks: the operator's service speaks for those whom the system's rules let operate it. Any other
   * process would get at what is not its own.
   * @throws {QuestionRefused}; {OtherBuild} when only a newer build knows the operation; as {@link ask}.
   */
  async questionOf(services: readonly string[], { operation, service, input }: HostQuestion): Promise<unknown> {
    const mayAsk = services.includes(operator.name);
    if (!mayAsk || operation === REWIND) throw QuestionRefused.with({ operation });
    if (!isOperation(operation)) throw OtherBuild.with({ what: operation });
    return this.ask({ do: "ask", operation, input, ...(service === undefined ? {} : { service }) });
  }

  /** @throws {UnknownName}, {NoAnswer}; what the asked process throws. */
  async ask({ operation, service, input }: FleetQuestion): Promise<unknown> {
    if (service === undefined) return this.#all(operation, input);
    const group = this.#groupOf(service);
    if (!READS.has(operation)) this.#options.say(`${operation} of ${service}${inWords(input)}`);
    const output = await this.#one(group, operation, input);
    if (operation !== REWIND) return output;
    const { position } = output as { position: number };
    const { rewind } = this.#options.engines;
    if (rewind === undefined) throw NoStreams.with(undefined);
    await rewind(service, position);
    return output;
  }

  #groupOf(service: string): Group {
    const { groups } = this.#options;
    const group = [...groups.values()].find(({ wish }) => wish.services.includes(service));
    if (group === undefined) throw UnknownName.with({ name: service, known: [...groups.keys()] });
    if (group.instances.some(({ spec }) => spec.program !== undefined))
      throw NotOperated.with({
        detail: `"${service}" is a program of its own: the fleet knows nothing of what is in it.`,
      });
    return group;
  }

  /** Of replicas one runs the sagas, and hears: the others say that it is elsewhere. */
  async #one(group: Group, operation: string, input: unknown): Promise<unknown> {
    let failure: unknown = NoAnswer.with({ instance: group.name });
    for (const instance of ready(group)) {
      try {
        return await instance.ask(operation, input);
      } catch (error) {
        failure = error;
        if (!isFault(error) || !(FOLLOWS.has(error.code) || NoAnswer.is(error))) throw error;
      }
    }
    throw failure;
  }

  /**
   * Everybody's items together; what everybody refuses, because of how it was asked, is refused. What replicas share is named once, by the one that is nearest to it. Who does not answer
   * hides nobody else's; it is told of, and named.
   */
  async #all(operation: string, input: unknown): Promise<Answers> {
    const asked = [...this.#options.groups.values()].flatMap((group) => this.#askedOf(group, operation, input));
    const items = new Map<string, Item>();
    const unanswered: Unanswered[] = [];
    let isMore = false;
    const answers = await Promise.all(asked);
    const [refusal] = answers.map((answer) => ("refusal" in answer ? answer.refusal : undefined));
    if (refusal !== undefined && answers.every((answer) => "refusal" in answer)) throw refusal;
    for (const answer of answers) {
      if ("items" in answer) for (const item of answer.items) keepNearest(items, item);
      else {
        const { refusal: _, ...told } = answer;
        unanswered.push(told);
      }
      isMore ||= "next" in answer;
    }
    for (const { from, message } of unanswered) {
      this.#options.say(`${from} did not answer, and what it knows is not shown: ${message}`);
    }
    const all = [...items.values()];
    const page = operation === "deadLetters" ? pageOf(all, input, isMore) : { items: all };
    return { ...page, ...(unanswered.length === 0 ? {} : { unanswered }) };
  }

  /** What the processes of a group answer. */
  #askedOf(group: Group, operation: string, input: unknown): readonly Promise<Answers | Unanswered>[] {
    const { name, wish, instances } = group;
    // A gateway has no services and knows nothing of theirs; a program in another language has nothing of the kernel's.
    if (wish.services.length === 0 || instances.some(({ spec }) => spec.program !== undefined)) return [];
    const asked = ready(group);
    if (asked.length === 0) return [Promise.resolve(unansweredBy(name, NoAnswer.with({ instance: name })))];
    return asked.map(async (instance) => {
      try {
        return (await instance.ask(operation, input, LIST_MS)) as Answers;
      } catch (error) {
        const refusal = Invalid.is(error) ? { refusal: error } : {};
        return { ...unansweredBy(instance.name, error), ...refusal };
      }
    });
  }
}

interface Answers {
  readonly items: readonly Item[];
  readonly next?: string;
  readonly unanswered?: readonly Unanswered[];
}

/** Who did not answer, and why. */
interface Unanswered {
  /** When it did not like the question. */
  readonly refusal?: Error;
  readonly from: string;
  readonly code: string;
  readonly message: string;
}

/** The first of everybody's letters: those that come after the last one shown are asked for with the next page. */
function pageOf(items: readonly Item[], input: unknown, isMore: boolean): Answers {
  const { limit = OPERATOR_LIMIT } = input as { readonly limit?: number };
  return letterPage(items as readonly (Item & LetterPlace)[], limit, isMore);
}

/** What was asked beside the service, for people. */
function inWords(input: unknown): string {
  const { service: _, ...rest } = (input ?? {}) as Item;
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return words.length === 0 ? "" : `: ${words.join(", ")}`;
}

function unansweredBy(from: string, error: unknown): Unanswered {
  const { code, message } = toFault(error);
  return { from, code, message };
}

/** How long a process is waited for when others have answers, too, in milliseconds. */
const LIST_MS = 3_000;
/** What replicas that do not lead answer. */
const FOLLOWS: ReadonlySet<string> = new Set(["saga/elsewhere", "kernel/lease-lost"]);
/** Not of the operator's contract: for whoever owns the fleet's folder only. */
const REWIND = "rewindTo";
const READS: ReadonlySet<string> = new Set(["sagas", "deadLetters", "consumers"]);

function ready({ instances }: Group): readonly Instance[] {
  return instances.filter(({ state }) => state.is === "ready");
}

/** A replica that does not lead does not hear: it knows no better than that its service is far behind. */
function keepNearest(items: Map<string, Item>, item: Item): void {
  const { service, consumer, source, eventId, sagaId, lag = 0 } = item;
  const name = JSON.stringify([service, consumer, source, eventId, sagaId]);
  const known = items.get(name);
  const behind = Number(lag) - Number(known?.["lag"] ?? 0);
  // Who hears knows why it is as far behind as those who do not.
  if (known === undefined || behind < 0 || (behind === 0 && item["fault"] !== undefined)) items.set(name, item);
}
