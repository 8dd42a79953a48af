/** Scripts that run inside Redis, as one step. */
import { createHash } from "node:crypto";
import type { RedisClient } from "./link.ts";

/** A script. Redis is sent its digest, and the whole of it when it does not know it (any more). */
export class RedisScript {
  readonly #text: string;
  readonly #digest: string;

  constructor(text: string) {
    this.#text = text;
    this.#digest = createHash("sha1").update(text).digest("hex");
  }

  /** Runs it. @throws what Redis answers. */
  async run(client: RedisClient, keys: readonly string[], given: readonly string[]): Promise<unknown> {
    const options = { keys: [...keys], arguments: [...given] };
    try {
      return await client.evalSha(this.#digest, options);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await client.eval(this.#text, options);
    }
  }
}
