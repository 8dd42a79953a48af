/**
 * The secrets of an installation. What the environment does not give is made at the first start and kept in the data
 * folder, readable by its owner only: a demo needs no configuration, and two demos share no secret. What the environment
 * gives is not written anywhere: whoever keeps secrets in a vault does not want them in a file as well.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadSetting } from "./faults.ts";

/** The names of the secrets, and of the environment variables that give them. */
const NAMES = {
  paymentsApiKey: "PAYMENTS_API_KEY",
  paymentsWebhookSecret: "PAYMENTS_WEBHOOK_SECRET",
  carrierApiKey: "CARRIER_API_KEY",
  carrierWebhookSecret: "CARRIER_WEBHOOK_SECRET",
  demoPassword: "DEMO_PASSWORD",
} as const;

/** The secrets of an installation. */
export type Secrets = { readonly [K in keyof typeof NAMES]: string };

/** The password of the demo's users where only this machine can reach them: for people to type. */
export const DEMO_PASSWORD = "isomer-demo-shop";

/** What {@link loadSecrets} may be told. */
export interface SecretsOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Whether other machines can reach the shop: then its demo users must not have a password that everybody knows. */
  readonly isReachable?: boolean;
}

/** Shorter ones can be guessed. */
const LENGTH_MIN = 12;

/** Reads the secrets: from the environment, from files that it names (`NAME_FILE`), else from the data folder. */
export function loadSecrets(dataFolder: string, options: SecretsOptions = {}): Secrets {
  const { environment = process.env, isReachable = false } = options;
  const path = join(dataFolder, "secrets.json");
  const kept = readKept(path);
  const secrets: Record<string, string> = {};
  const keep: Record<string, string> = { ...kept };
  for (const [name, variable] of Object.entries(NAMES)) {
    const given = fromEnvironment(environment, variable);
    const secret = given ?? kept[name] ?? fresh(name, isReachable);
    if (given === undefined) keep[name] = secret;
    secrets[name] = secret;
  }
  if (Object.keys(keep).some((name) => keep[name] !== kept[name])) write(dataFolder, path, keep);
  return secrets as Secrets;
}

function readKept(path: string): Readonly<Record<string, string>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  } catch (cause) {
    const advice = "Restore it from a backup, or delete it: then new secrets are made, and the old ones stop working";
    throw BadSetting.with({ detail: `${path} is not JSON (any more). ${advice}.` }, { cause });
  }
}

/** Whole or not at all: a crash in between must not leave half a file. */
function write(dataFolder: string, path: string, secrets: Readonly<Record<string, string>>): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}.tmp`;
  writeFileSync(next, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(next, path);
}

/** An empty variable counts as absent: that is how deployment tools pass what is not set. */
function fromEnvironment(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = environment[`${variable}_FILE`] ?? "";
  const given = file === "" ? (environment[variable] ?? "") : readGiven(file, variable);
  if (file === "" && given === "") return undefined;
  if (given.length < LENGTH_MIN) {
    const where = file === "" ? `$${variable}` : `${file}, which $${variable}_FILE names,`;
    throw BadSetting.with({ detail: `${where} is shorter than ${LENGTH_MIN} characters. Take a longer secret.` });
  }
  return given;
}

function readGiven(file: string, variable: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw BadSetting.with({ detail: `$${variable}_FILE names a file that cannot be read: ${why}.` }, { cause });
  }
}

function fresh(name: string, isReachable: boolean): string {
  if (name === "demoPassword") return isReachable ? randomBytes(12).toString("base64url") : DEMO_PASSWORD;
  return randomBytes(32).toString("base64url");
}
