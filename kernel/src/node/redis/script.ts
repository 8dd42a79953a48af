/** Scripts that run inside Redis, as one step. */
import { createHash } from "node:crypto";
import type { RedisClient } from "./link.ts";

/**
 * A script. Redis is sent its digest, and the whole of it when it does not know it (any more). A user with few rights may
 * not send scripts: then whoever looks after Redis sends them after each of its starts ({@link RedisScript.load}).
 */
export class RedisScript {
  readonly #text: string;
  readonly #digest: string;

  constructor(text: string) {
    this.#text = text;
    this.#digest = createHash("sha1").update(text).digest("hex");
  }

  /** Makes it known, without running it. @throws what Redis answers. */
  async load(client: RedisClient): Promise<void> {
    await client.scriptLoad(this.#text);
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
