/** A journal as a body meets it again: what it asks for, and whether it asks as it did before. */
import { type Entry, type EntryKind, PIVOT } from "./records.ts";

/** Entries that a body asks for; the others are the engine's. */
const ASKED: ReadonlySet<EntryKind> = new Set(["step", "local", "wait", "sleep", "now", "pivot"]);
const NAME_LENGTH_MAX = 100;

/** What came of asking. */
export type Asked =
  | { readonly kind: "new" }
  | { readonly kind: "recorded"; readonly entry: Entry }
  /** The body is wrong: it must be told. */
  | { readonly kind: "misnamed"; readonly detail: string }
  /** The body is not the one that wrote the journal. */
  | { readonly kind: "otherwise"; readonly detail: string };

const NEW: Asked = { kind: "new" };

/** One run of a body over its journal. */
export class Replay {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #asked = new Set<string>();
  #unasked = 0;

  constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
    for (const { kind } of entries.values()) if (ASKED.has(kind)) this.#unasked += 1;
  }

  /** How many entries the body has not asked for yet. */
  get unasked(): number {
    return this.#unasked;
  }

  /** Names of some entries that the body has not asked for. */
  missing(): string {
    const names: string[] = [];
    for (const { kind, name } of this.#entries.values()) {
      if (ASKED.has(kind) && !this.#asked.has(name) && names.length < 3) names.push(`"${name}"`);
    }
    return names.join(", ");
  }

  /** The entry of a name, whoever asks. */
  entry(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  hasAsked(name: string): boolean {
    return this.#asked.has(name);
  }

  /** The body comes to an operation. */
  ask(name: string, kind: EntryKind): Asked {
    const wrong = kind === "pivot" ? undefined : wrongName(name);
    if (wrong !== undefined) return { kind: "misnamed", detail: wrong };
    if (this.#asked.has(name)) return { kind: "misnamed", detail: "comes twice; give each step a name of its own" };
    this.#asked.add(name);
    const entry = this.#entries.get(name);
    if (entry === undefined) return NEW;
    this.#unasked -= 1;
    if (entry.kind === kind) return { kind: "recorded", entry };
    const what = name === PIVOT ? "the pivot" : `"${name}"`;
    return { kind: "otherwise", detail: `${what} was a ${entry.kind}, and is a ${kind} now` };
  }
}

function wrongName(name: string): string | undefined {
  if (name === "" || name.length > NAME_LENGTH_MAX) return `must have 1 to ${NAME_LENGTH_MAX} characters`;
  if (name.startsWith("$") || name.includes("/")) return 'must not begin with "$" or hold a "/": the engine uses these';
  return undefined;
}
