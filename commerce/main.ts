/**
 * `npm start`: the shop in one process, on this machine, with nothing else to install.
 *
 * Stripping types and compiling some hundred files takes longer than all else that a start does. So what Node made of
 * them is kept beside what npm installed, and everything is imported after that was said. Where nothing can be written,
 * the shop starts as it would without.
 */
import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/isomer", import.meta.url)));
const { main } = await import("./run/start.ts");
await main();
// A process that is killed writes nothing when it ends.
flushCompileCache();
