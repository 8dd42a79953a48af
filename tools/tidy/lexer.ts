/**
 * Splits TypeScript into the tokens that the rules look at. It knows comments, strings, templates and regular
 * expressions, which is what a search in the text gets wrong; it does not parse.
 */

/** A piece of code. Expressions in a template follow the template's token, as tokens of their own. */
export interface Token {
  readonly kind: "word" | "mark" | "string" | "template" | "regex";
  /** For strings and templates: what stands between the quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many braces, brackets and parentheses are open around it. */
  readonly depth: number;
  /** Of a template: the text of each `${…}`. */
  readonly holes: readonly string[];
}

/** A comment, with its marks. */
export interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What {@link lex} finds. */
export interface Lexed {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const SPACE = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const WORD = /[#\p{L}\p{N}_$][\p{L}\p{N}_$]*/uy;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these words an expression begins, so that a slash opens a regular expression. */
const OPERATORS = new Set(["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "await", "yield"]);
const NO_HOLES: readonly string[] = [];

/** The tokens and comments of a file. */
export function lex(source: string): Lexed {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  new Lexer(source, tokens, comments).run();
  return { tokens, comments };
}

class Lexer {
  #at = 0;
  #depth = 0;
  readonly #source: string;
  readonly #tokens: Token[];
  readonly #comments: Comment[];

  constructor(source: string, tokens: Token[], comments: Comment[]) {
    this.#source = source;
    this.#tokens = tokens;
    this.#comments = comments;
  }

  /** Reads on to the end, or to the brace that closes a template's expression. */
  run(inTemplate = false): void {
    const floor = this.#depth;
    while (this.#at < this.#source.length) {
      if (this.#take(SPACE) !== undefined) continue;
      const start = this.#at;
      const comment = this.#take(COMMENT);
      if (comment !== undefined) {
        this.#comments.push({ text: comment, start, end: this.#at });
        continue;
      }
      if (inTemplate && this.#source[start] === "}" && this.#depth === floor) return;
      this.#token(start);
    }
  }

  #token(start: number): void {
    const string = this.#take(STRING);
    if (string !== undefined) return this.#push("string", string.slice(1, -1), start);
    if (this.#source[start] === "`") return this.#template(start);
    const word = this.#take(WORD);
    if (word !== undefined) return this.#push("word", word, start);
    const regex = this.#startsExpression() ? this.#take(REGEX) : undefined;
    if (regex !== undefined) return this.#push("regex", regex, start);
    const mark = this.#source[start] as string;
    this.#at = start + 1;
    if (")]}".includes(mark)) this.#depth -= 1;
    this.#push("mark", mark, start);
    if ("([{".includes(mark)) this.#depth += 1;
  }

  #template(start: number): void {
    const index = this.#tokens.length;
    const holes: string[] = [];
    this.#at = start + 1;
    while (this.#at < this.#source.length && this.#source[this.#at] !== "`") {
      if (this.#source[this.#at] === "\\") this.#at += 2;
      else if (this.#source.startsWith("${", this.#at)) {
        const from = this.#at + 2;
        this.#at = from;
        this.run(true);
        holes.push(this.#source.slice(from, this.#at));
        this.#at += 1;
      } else this.#at += 1;
    }
    this.#at += 1;
    const text = this.#source.slice(start + 1, this.#at - 1);
    this.#tokens.splice(index, 0, { kind: "template", text, start, end: this.#at, depth: this.#depth, holes });
  }

  #push(kind: Token["kind"], text: string, start: number): void {
    this.#tokens.push({ kind, text, start, end: this.#at, depth: this.#depth, holes: NO_HOLES });
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #startsExpression(): boolean {
    if (this.#source[this.#at] !== "/") return false;
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "mark") return !")]}".includes(last.text);
    return last.kind === "word" && OPERATORS.has(last.text);
  }
}
