/** Shared answers in Redis. Redis forgets them by itself when their time is over. */
import { ANSWER_LENGTH_MAX, type SharedAnswer, type SharedAnswers } from "../../guard/mod.ts";
import type { RedisLink } from "./link.ts";
import { type RedisNames, answersOfService } from "./names.ts";

/** Answers that the replicas of a service share through Redis. */
export class RedisAnswers implements SharedAnswers {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #kind: string;

  /** @param service Who asked: what one service was told is no other's. */
  constructor(link: RedisLink, names: RedisNames, service: string) {
    this.#link = link;
    this.#names = names;
    this.#kind = answersOfService(service);
  }

  async get(key: string): Promise<SharedAnswer | undefined> {
    const name = this.#names.hidden(this.#kind, key);
    const told = await this.#link.ask((client) => Promise.all([client.get(name), client.pTTL(name)]));
    if (told === undefined) return undefined;
    const [sealed, freshMs] = told;
    const value = sealed === null ? undefined : this.#names.unseal(name, sealed);
    return value === undefined || freshMs <= 0 ? undefined : { value, freshMs };
  }

  put(key: string, value: string, freshMs: number): void {
    if (freshMs < 1 || value.length > ANSWER_LENGTH_MAX) return;
    const name = this.#names.hidden(this.#kind, key);
    const sealed = this.#names.seal(name, value);
    void this.#link.ask((client) =>
      client.set(name, sealed, { expiration: { type: "PX", value: Math.floor(freshMs) } }),
    );
  }
}
