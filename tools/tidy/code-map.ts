/** The code map in ARCHITECTURE.md names every folder of the kernel and the shop, and no other. */
import { type Finding, type Rule, lineAt } from "./tree.ts";

const MAP = "ARCHITECTURE.md";
const SECTION = /<!-- code map -->([\s\S]*?)<!-- \/code map -->/;
const ROW = /^\| `([^`]+)\/` \|(.*)\|$/gm;
/** The folders that the map is about: the kernel's parts and what the shop consists of. */
const FOLDER = /^(kernel\/src\/[^/]+|commerce\/[^/]+)\//;

/** The map equals the folders. */
export const codeMap: Rule = function* (tree) {
  const map = tree.files.find(({ path }) => path === MAP);
  const section = map === undefined ? null : SECTION.exec(map.text);
  if (map === undefined || section === null) {
    yield finding(1, `There is no code map between "<!-- code map -->" and "<!-- /code map -->".`);
    return;
  }
  const folders = new Set(tree.modules.flatMap(({ path }) => FOLDER.exec(path)?.[1] ?? []));
  const named = new Set<string>();
  for (const row of (section[1] ?? "").matchAll(ROW)) {
    const [, folder = "", about = ""] = row;
    const line = lineAt(map, section.index + "<!-- code map -->".length + row.index);
    if (named.has(folder)) yield finding(line, `${folder}/ is named twice.`);
    if (!folders.has(folder)) yield finding(line, `${folder}/ has no code. Take it off the map.`);
    if (about.trim() === "") yield finding(line, `Say what is in ${folder}/.`);
    named.add(folder);
  }
  const line = lineAt(map, section.index);
  for (const folder of folders) if (!named.has(folder)) yield finding(line, `${folder}/ is missing in the code map.`);
};

function finding(line: number, message: string): Finding {
  return { path: MAP, line, rule: "code-map", message };
}
