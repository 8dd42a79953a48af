/**
 * For `node --import`: plants the mutant that the environment names (`ISOMER_MUTANT`) while its file is loaded, before
 * types are stripped. The tree is left as it is.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { mutantOf } from "./list.ts";
import { plant } from "./mutant.ts";

const ROOT = new URL("../../../../", import.meta.url);

const name = process.env["ISOMER_MUTANT"];
if (name !== undefined && name !== "") {
  const mutant = mutantOf(name);
  const { href } = new URL(mutant.file, ROOT);
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== href) return nextLoad(url, context);
      const source = plant(mutant, readFileSync(new URL(url), "utf8"));
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
