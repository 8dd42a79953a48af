/** Mutants: mistakes that somebody could make, planted one at a time to see whether the simulation finds them. */

/** A mistake, as a change to the text of one source file. */
export interface Mutant {
  /** Unique; in the words of the table. */
  readonly name: string;
  /** What it breaks: the promise that no longer holds. */
  readonly what: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Stands exactly once in the file; otherwise the mutant no longer applies, and its test fails. */
  readonly find: string;
  readonly replace: string;
  /** Whether only runs with replicas can show it: others are not tried. */
  readonly needsReplicas?: boolean;
  /** Further changes to the same file, where the mistake needs them. */
  readonly also?: readonly Edit[];
}

/** A change to a text. */
export interface Edit {
  readonly find: string;
  readonly replace: string;
}

/** The text with the mistake in it. @throws {Error} when a place is not there, or there more than once. */
export function plant({ name, file, find, replace, also = [] }: Mutant, source: string): string {
  let text = source;
  for (const edit of [{ find, replace }, ...also]) {
    const places = source.split(edit.find).length - 1;
    if (places !== 1)
      throw new Error(`The mutant "${name}" does not apply: "${edit.find}" is ${places} times in ${file}.`);
    text = text.replace(edit.find, () => edit.replace);
  }
  return text;
}
