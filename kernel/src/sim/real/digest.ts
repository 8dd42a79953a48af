/** A running digest of everything that happened. */
import { createHash } from "node:crypto";

/** Takes text in, and tells what all of it comes to (SHA-256). */
export class Digest {
  readonly #hash = createHash("sha256");
  #waiting = "";

  add(text: string): void {
    this.#waiting += text;
    if (this.#waiting.length > 16_384) this.#flush();
  }

  /** The digest up to here; more may be added after. */
  value(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #flush(): void {
    if (this.#waiting === "") return;
    this.#hash.update(this.#waiting);
    this.#waiting = "";
  }
}
