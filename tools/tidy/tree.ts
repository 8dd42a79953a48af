/** The files that the rules look at, and what every rule needs to know of them. */
import { posix } from "node:path";
import { type Comment, type Token, lex } from "./lexer.ts";

/** A file as it is on the disk; `path` is relative to the repository, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Something that breaks a rule. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** An import, a re-export, or the path of a module in a string (as in `new URL("./worker.ts", …)`). */
export interface Import {
  readonly specifier: string;
  /** The file it leads to, when it is relative. */
  readonly target: string | undefined;
  readonly start: number;
}

/** A TypeScript file, read. */
export interface Module extends SourceFile {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  /** Tests, long tests and what they share. */
  readonly isTest: boolean;
}

/** Everything a rule may look at. */
export interface Tree {
  readonly files: readonly SourceFile[];
  readonly modules: readonly Module[];
}

/** A rule: pure, from the tree to what breaks it. */
export type Rule = (tree: Tree) => Iterable<Finding>;

const TEST_FILE = /\.(?:test|long)\.ts$/;

/** Reads the modules among the files. */
export function treeOf(files: readonly SourceFile[]): Tree {
  return { files, modules: files.filter(({ path }) => path.endsWith(".ts")).map(moduleOf) };
}

/** The line, from 1, of an offset. */
export function lineAt(file: SourceFile, offset: number): number {
  let line = 1;
  for (let at = file.text.indexOf("\n"); at !== -1 && at < offset; at = file.text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** The comment above an offset, with only space and remarks for the linter between. */
export function commentBefore(module: Module, offset: number): Comment | undefined {
  const last = module.comments.findLast(({ end }) => end <= offset);
  if (last === undefined || module.text.slice(last.end, offset).trim() !== "") return undefined;
  return last.text.startsWith("// oxlint-disable") ? commentBefore(module, last.start) : last;
}

function moduleOf(file: SourceFile): Module {
  const { tokens, comments } = lex(file.text);
  const isTest = TEST_FILE.test(file.path) || file.path.includes("/testing/");
  return { ...file, tokens, comments, imports: importsOf(file.path, tokens), isTest };
}

function importsOf(path: string, tokens: readonly Token[]): readonly Import[] {
  const imports: Import[] = [];
  for (const [at, { kind, text: specifier, start }] of tokens.entries()) {
    if (kind !== "string") continue;
    const before = tokens[at - 1]?.text;
    const called = before === "(" && tokens[at - 2]?.text === "import";
    const isPath = /^\.{1,2}\/.*\.ts$/.test(specifier);
    if (before !== "from" && before !== "import" && !called && !isPath) continue;
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
    imports.push({ specifier, target, start });
  }
  return imports;
}
