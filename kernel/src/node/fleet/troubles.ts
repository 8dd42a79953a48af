/** What goes wrong beside the work, again and again: said once when it begins, and once when it is over. */

/** Tries what may fail without harm to the rest. */
export class Troubles {
  readonly #say: (text: string) => void;
  readonly #known = new Map<string, string>();

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Does something; when it throws, says so unless it said the same the last time. `what` is a sentence without its end. */
  attempt(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.#known.get(what) !== why) this.#say(`${what}: ${why}`);
      this.#known.set(what, why);
      return;
    }
    if (this.#known.delete(what)) this.#say(`no longer: ${what}`);
  }
}
