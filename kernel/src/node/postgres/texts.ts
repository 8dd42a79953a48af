/** Texts of statements: `?` becomes `$1`, and what comes often is prepared once per connection under a name. */

/** These would end the transaction of a body, change its connection, or reach beyond the database. */
const REFUSED =
  /^\s*(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|deallocate|discard|set|reset|listen|notify|unlisten|vacuum|copy|load|lock)\b/i;

/** What is no SQL to look into: quoted texts and names, comments. */
const SPANS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g;

/** How many texts are remembered, and how many of them get a name; both bound what a connection keeps. */
const TEXTS_MAX = 2_000;
const NAMES_MAX = 500;
/** A text that has come so often is worth preparing. Filters that vary mostly come once. */
const OFTEN = 3;

/** A statement as PostgreSQL takes it. */
export interface Text {
  readonly text: string;
  /** Under which it is prepared; undefined while it is rare. */
  name: string | undefined;
}

/** Numbers the parameters of a text. A text that has numbers already has no `?`, and stays as it is. */
export function numbered(sql: string): string {
  if (!sql.includes("?")) return sql;
  let count = 0;
  return sql.replace(SPANS, (span) => (span === "?" ? `$${(count += 1)}` : span));
}

/** Remembers the texts of one database. */
export class Texts {
  readonly #known = new Map<string, { text: string; name: string | undefined; uses: number }>();
  #names = 0;

  /** @throws {TypeError} when it is a statement that bodies must not use. */
  of(sql: string): Text {
    const known = this.#known.get(sql) ?? this.#learn(sql);
    known.uses += 1;
    if (known.name === undefined && known.uses >= OFTEN && this.#names < NAMES_MAX) {
      this.#names += 1;
      known.name = `s${this.#names}`;
    }
    return known;
  }

  #learn(sql: string): { text: string; name: string | undefined; uses: number } {
    if (REFUSED.test(sql)) throw new TypeError(`Not inside a transaction: ${sql}`);
    const fresh = { text: numbered(sql), name: undefined, uses: 0 };
    if (this.#known.size >= TEXTS_MAX) {
      // Those with a name stay: their number is bounded, and they are what is used.
      for (const [text, { name }] of this.#known) if (name === undefined) this.#known.delete(text);
    }
    this.#known.set(sql, fresh);
    return fresh;
  }
}
