/**
 * The passwords of a local fleet: made from one secret, which is made at the first start and kept in the fleet's folder,
 * readable by its owner only. So every start gives the same, and nothing else need be kept.
 */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../fleet/mod.ts";

const SECRET_BYTES = 32;

/** Gives each party its password, or another secret that it has, the same at each start over the folder. */
export function passwordsOf(folder: string): (party: string) => string {
  const path = join(folder, "secret");
  if (!existsSync(path)) replaceFile(path, randomBytes(SECRET_BYTES).toString("base64url"));
  const secret = readFileSync(path, "utf8").trim();
  return (party) => createHmac("sha256", secret).update(party).digest("base64url");
}
