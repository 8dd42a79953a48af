/** Prepared statements over lists of texts, whatever their length. */
import type { Reader, Statement } from "@isomer/kernel/store";

type Texts = Readonly<Record<string, string>>;

/**
 * Makes a reader of rows by a list of at least one text: `build` gets the parameters to put into `in (…)`.
 * A list is filled up to a power of two by repeating its last text, so that a dozen prepared statements serve all
 * lengths; building one for each call would cost more than running it. `others` are parameters beside the list.
 */
export function listStatement<DB, R>(
  build: (texts: (parameters: Texts) => readonly string[]) => Statement<DB, Texts, R>,
): (db: Reader<DB>, texts: readonly string[], others?: Texts) => Promise<R[]> {
  const bySize = new Map<number, { readonly names: readonly string[]; readonly statement: Statement<DB, Texts, R> }>();
  return (db, texts, others = {}) => {
    if (texts.length === 0) return Promise.resolve([]);
    const size = 2 ** Math.ceil(Math.log2(texts.length));
    let ready = bySize.get(size);
    if (ready === undefined) {
      const names = Array.from({ length: size }, (_, index) => `t${index}`);
      ready = { names, statement: build((parameters) => names.map((name) => parameters[name] ?? "")) };
      bySize.set(size, ready);
    }
    const last = texts.at(-1) ?? "";
    const parameters: Record<string, string> = { ...others };
    for (const [index, name] of ready.names.entries()) parameters[name] = texts[index] ?? last;
    return db.all(ready.statement, parameters);
  };
}
