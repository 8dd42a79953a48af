/**
 * Settings of a service, secrets among them: from the system's file, from environment variables, and from files that
 * variables name (`…_FILE`), which is how Docker and Kubernetes hand out secrets. No message here holds a value.
 */
import { type ObjectSchema, type Schema, type TypeOf, coercer, validator } from "../schema/mod.ts";
import { type FaultType, defineFault, isFault } from "../std/mod.ts";

/** What {@link resolveSettings} takes. */
export interface SettingsSource<S extends ObjectSchema> {
  /** The service, in camelCase. */
  readonly service: string;
  readonly schema: S;
  /** What the system's file says. Variables win over it. */
  readonly given?: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a small text file. Its errors are reported with the variable's name. */
  readonly readFile: (path: string) => string;
}

/** A service cannot start with its settings. Each problem names the variable to set. */
export const BadSettings: FaultType<{ service: string; problems: readonly string[] }> = defineFault({
  code: "kernel/bad-settings",
  kind: "invalid",
  message: ({ service, problems }) => `The settings of ${service} are not complete:\n  ${problems.join("\n  ")}`,
});

/** The variable of a setting: `ISOMER_PAYMENTS_WEBHOOK_SECRET` for `webhookSecret` of `payments`. */
export function settingVariable(service: string, setting: string): string {
  const snake = `${service}_${setting}`.replace(/[^A-Za-z0-9]+/g, "_").replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return `ISOMER_${snake.toUpperCase()}`;
}

/**
 * The settings of a service, checked. Numbers and booleans in variables are read as the schema asks; lists and
 * objects are written as JSON there.
 * @throws {BadSettings} listing everything that is missing or does not fit.
 */
export function resolveSettings<S extends ObjectSchema>(source: SettingsSource<S>): TypeOf<S> {
  const { service, schema, given = {} } = source;
  const problems: string[] = [];
  const texts: Record<string, string> = {};
  const parsed: Record<string, unknown> = {};
  for (const [setting, property] of Object.entries(schema.properties)) {
    const text = readVariable(source, settingVariable(service, setting), problems);
    if (text === undefined) continue;
    if (isStructured(property as Schema)) parsed[setting] = parseJson(text);
    else texts[setting] = text;
  }
  const values = { ...given, ...coercer(schema)(texts), ...parsed };
  try {
    const settings = validator(schema, `settings of ${service}`).parse(values);
    if (problems.length === 0) return settings;
  } catch (error) {
    if (!isFault(error)) throw error;
    problems.push(...explain(error.data, source, values));
  }
  throw BadSettings.with({ service, problems });
}

function readVariable(
  { env, readFile }: SettingsSource<ObjectSchema>,
  variable: string,
  problems: string[],
): string | undefined {
  const direct = env[variable];
  const path = env[`${variable}_FILE`];
  if (path === undefined || path === "") return direct;
  if (direct !== undefined) {
    problems.push(`${variable} and ${variable}_FILE are both set: unset one of them.`);
    return undefined;
  }
  try {
    // Editors end files with a newline that is no part of the secret.
    return readFile(path).replace(/\r?\n$/, "");
  } catch {
    problems.push(`${variable}_FILE names a file that cannot be read.`);
    return undefined;
  }
}

function isStructured(schema: Schema): boolean {
  const type = (schema as { readonly type?: unknown }).type;
  return type === "object" || type === "array";
}

/** What is not JSON stays a text, and the validator says what is expected instead. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Problems in terms of variables. Missing settings are listed by themselves: one issue may name several. */
function explain(
  data: unknown,
  { service, schema }: SettingsSource<ObjectSchema>,
  values: Readonly<Record<string, unknown>>,
): string[] {
  const required = (schema as { readonly required?: readonly string[] }).required ?? [];
  const lines = required
    .filter((setting) => values[setting] === undefined)
    .map((setting) => {
      const variable = settingVariable(service, setting);
      return `"${setting}" is missing: set ${variable}, or ${variable}_FILE to the path of a file that holds it.`;
    });
  const { issues } = data as { readonly issues: readonly { path: string; keyword: string; message: string }[] };
  for (const { path, keyword, message } of issues) {
    const setting = path.split("/")[1] ?? "";
    if (setting === "" && keyword === "required") continue;
    lines.push(setting === "" ? `They ${message}.` : `"${setting}" (${settingVariable(service, setting)}) ${message}.`);
  }
  return lines;
}
