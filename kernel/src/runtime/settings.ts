/** The settings of a service, checked when it starts. */
import { Invalid, type Issue, validator } from "../schema/mod.ts";
import { SettingsUnfit } from "./faults.ts";
import type { Service } from "./service.ts";
import type { Settings } from "./system.ts";

/** What gives them where nothing else is said. */
const FROM = '"settings" of what starts the host';

/** Those of one service. @throws {SettingsUnfit} saying what is wrong, and where they come from. */
export function settingsOf({ contract, settings: schema }: Service, all: Settings = {}, from: string = FROM): unknown {
  const { name } = contract;
  if (schema === undefined) return {};
  try {
    return validator(schema, `settings of ${name}`).parse(all[name] ?? {});
  } catch (error) {
    if (!Invalid.is(error)) throw error;
    throw SettingsUnfit.with({ service: name, problems: error.data.issues.map(sentence), from }, { cause: error });
  }
}

function sentence({ path, message }: Issue): string {
  return `${path === "" ? "they" : path} ${message}`;
}
