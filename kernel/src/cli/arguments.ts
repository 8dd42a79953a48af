/** What the `isomer` command was told, read from its arguments. Pure. */
import { BadCommand, REPLICAS_MAX } from "../node/fleet/mod.ts";

/** A command, checked. */
export type Command =
  | { readonly do: "help"; readonly about?: string }
  | { readonly do: "version" }
  | { readonly do: "run"; readonly rest: readonly string[] }
  | { readonly do: "contract"; readonly rest: readonly string[] }
  | {
      readonly do: "fleet";
      readonly folder: string;
      readonly port?: number;
      readonly placement?: string;
    }
  | { readonly do: "ps"; readonly folder: string; readonly watch: boolean; readonly json: boolean }
  | {
      readonly do: "logs";
      readonly folder: string;
      readonly names: readonly string[];
      readonly follow: boolean;
      readonly lines: number;
      readonly json: boolean;
    }
  | { readonly do: "stop"; readonly folder: string }
  | Inquiry
  | { readonly do: "restart"; readonly folder: string; readonly name: string }
  | {
      readonly do: "roll";
      readonly folder: string;
      readonly name: string;
      readonly entry?: string;
      readonly label?: string;
    }
  | { readonly do: "scale"; readonly folder: string; readonly name: string; readonly replicas: number }
  | { readonly do: "place"; readonly folder: string; readonly service: string; readonly group: string };

/** What is asked of the fleet's processes. */
export type Inquiry = { readonly folder: string; readonly json: boolean } & (
  | { readonly do: "consumers" }
  | { readonly do: "dead-letters"; readonly after?: string }
  | { readonly do: "sagas"; readonly service: string; readonly status?: string; readonly after?: string }
  | { readonly do: "redrive" | "discard"; readonly event: string }
  | { readonly do: "retry-saga" | "abort-saga"; readonly service: string; readonly saga: string }
  | { readonly do: "skip"; readonly service: string; readonly consumer: string; readonly source: string }
  | { readonly do: "rewind"; readonly service: string; readonly to: number | Date }
);

/**
 * The fleet's folder when none is named. Not in `data`: that is the shop's in one process, which lets nobody else pass, and
 * PostgreSQL may run as another user.
 */
export const FOLDER = "fleet-data";
const LINES = 20;
/** Of the first gateway: each further one has the next. */
const PORT_MAX = 65_535 - REPLICAS_MAX;

/** How a command is called: its arguments, and its options with a value (`true`) or without. */
interface Usage {
  readonly usage: string;
  readonly options: Readonly<Record<string, boolean>>;
  /** How many arguments it takes, at least and at most. */
  readonly takes: readonly [number, number];
}

const REWIND: Usage = {
  usage: "rewind <service> --to <position | moment>",
  options: { to: true },
  takes: [1, 1],
};
const USAGES: Readonly<Record<string, Usage>> = {
  fleet: { usage: "fleet [--port n] [--placement file]", options: { port: true, placement: true }, takes: [0, 0] },
  ps: { usage: "ps [--watch] [--json]", options: { watch: false, json: false }, takes: [0, 0] },
  logs: {
    usage: "logs [name…] [--follow] [--lines n] [--json]",
    options: { follow: false, lines: true, json: false },
    takes: [0, 32],
  },
  stop: { usage: "stop", options: {}, takes: [0, 0] },
  restart: { usage: "restart <name>", options: {}, takes: [1, 1] },
  roll: {
    usage: "roll <name> [--entry path] [--version-label text]",
    options: { entry: true, "version-label": true },
    takes: [1, 1],
  },
  scale: { usage: "scale <name> <number>", options: {}, takes: [2, 2] },
  place: { usage: "place <service> <group>", options: {}, takes: [2, 2] },
  "dead-letters": {
    usage: "dead-letters [--after place] [--json]",
    options: { after: true, json: false },
    takes: [0, 0],
  },
  consumers: { usage: "consumers [--json]", options: { json: false }, takes: [0, 0] },
  sagas: {
    usage: "sagas <service> [--status s] [--after saga] [--json]",
    options: { status: true, after: true, json: false },
    takes: [1, 1],
  },
  redrive: { usage: "redrive <event | all>", options: {}, takes: [1, 1] },
  discard: { usage: "discard <event>", options: {}, takes: [1, 1] },
  "retry-saga": { usage: "retry-saga <service> <saga>", options: {}, takes: [2, 2] },
  "abort-saga": { usage: "abort-saga <service> <saga>", options: {}, takes: [2, 2] },
  skip: { usage: "skip <service> <consumer> <source>", options: {}, takes: [3, 3] },
  rewind: REWIND,
};
const SHORT: Readonly<Record<string, string>> = { "-f": "--follow", "-n": "--lines", "-w": "--watch", "-h": "--help" };

/** Reads a command. @throws {BadCommand} that says how it is called. */
export function readCommand(given: readonly string[]): Command {
  const [name, ...rest] = given;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const [about] = rest;
    return { do: "help", ...(about === undefined ? {} : { about }) };
  }
  if (name === "version" || name === "--version") return { do: "version" };
  if (name === "run" || name === "contract") return { do: name, rest };
  if (name.startsWith("-"))
    throw BadCommand.with({ detail: `The command comes first, then ${name}. "isomer help" lists what there is.` });
  const usage = Object.hasOwn(USAGES, name) ? USAGES[name] : undefined;
  if (usage === undefined)
    throw BadCommand.with({ detail: `There is no command "${name}". "isomer help" lists what there is.` });
  const { words, options } = split(rest, usage);
  if (options.has("help")) return { do: "help", about: name };
  const [least, most] = usage.takes;
  if (words.length < least || words.length > most) throw badUse(usage, "");
  return commandOf(name, words, options);
}

function commandOf(name: string, words: readonly string[], options: ReadonlyMap<string, string>): Command {
  const folder = options.get("data") ?? FOLDER;
  const [first = "", second = ""] = words;
  const text = <K extends string>(option: string, key: K) => optional(key, options.get(option));
  switch (name) {
    case "fleet": {
      const port = options.get("port");
      return {
        do: name,
        folder,
        ...(port === undefined ? {} : { port: numberOf("--port", port, PORT_MAX) }),
        ...text("placement", "placement"),
      };
    }
    case "ps":
      return { do: name, folder, watch: options.has("watch"), json: options.has("json") };
    case "logs": {
      const lines = numberOf("--lines", options.get("lines") ?? String(LINES), 100_000);
      return { do: name, folder, names: words, follow: options.has("follow"), lines, json: options.has("json") };
    }
    case "restart":
      return { do: name, folder, name: first };
    case "roll":
      return { do: name, folder, name: first, ...text("entry", "entry"), ...text("version-label", "label") };
    case "scale":
      return { do: name, folder, name: first, replicas: numberOf("scale", second, REPLICAS_MAX) };
    case "place":
      return { do: name, folder, service: first, group: second };
    case "stop":
      return { do: "stop", folder };
    default:
      return { folder, json: options.has("json"), ...inquiryOf(name, words, options) };
  }
}

function inquiryOf(name: string, words: readonly string[], options: ReadonlyMap<string, string>): Told<Inquiry> {
  const [first = "", second = ""] = words;
  const after = optional("after", options.get("after"));
  switch (name) {
    case "sagas":
      return { do: name, service: first, ...optional("status", options.get("status")), ...after };
    case "discard":
      // What is thrown away is gone: it is named, each for itself.
      if (first === "all") throw BadCommand.with({ detail: "discard takes one event, as dead-letters names it." });
      return { do: name, event: first };
    case "redrive":
      return { do: name, event: first };
    case "retry-saga":
    case "abort-saga":
      return { do: name, service: first, saga: second };
    case "skip":
      return { do: name, service: first, consumer: second, source: words[2] ?? "" };
    case "rewind":
      return { do: name, service: first, to: placeOf(options.get("to")) };
    default:
      return name === "consumers" ? { do: name } : { do: "dead-letters", ...after };
  }
}

type Told<T> = T extends unknown ? Omit<T, "folder" | "json"> : never;

/** A position of the log, or a moment. */
function placeOf(text: string | undefined): number | Date {
  if (text === undefined) throw badUse(REWIND, "It takes --to: from where on. ");
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  const moment = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(moment.getTime())) return moment;
  throw BadCommand.with({ detail: `--to takes a position (0: all) or a moment (2026-11-01T12:00Z), not "${text}".` });
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

function split(given: readonly string[], usage: Usage): { words: string[]; options: Map<string, string> } {
  const words: string[] = [];
  const options = new Map<string, string>();
  const takesValue: Readonly<Record<string, boolean>> = { data: true, help: false, ...usage.options };
  for (let at = 0; at < given.length; at += 1) {
    const said = given[at] ?? "";
    const word = (Object.hasOwn(SHORT, said) ? SHORT[said] : undefined) ?? said;
    if (!word.startsWith("-")) {
      words.push(word);
      continue;
    }
    const [, name = "", value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const takes = Object.hasOwn(takesValue, name) ? takesValue[name] : undefined;
    if (takes === undefined) throw badUse(usage, `It has no option ${word}. `);
    if (!takes && value !== undefined) throw badUse(usage, `--${name} takes no value. `);
    const next = takes ? (value ?? given[(at += 1)]) : "";
    if (next === undefined) throw badUse(usage, `--${name} takes a value. `);
    options.set(name, next);
  }
  return { words, options };
}

function numberOf(what: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw BadCommand.with({ detail: `${what} takes a whole number from 1 to ${max}, not "${text}".` });
}

function badUse({ usage }: Usage, why: string): Error {
  return BadCommand.with({ detail: `${why}Use: isomer ${usage} [--data folder]` });
}

/** What `isomer help` prints, or of it what is about one command. @throws {BadCommand} when there is no such command. */
export function helpOf(about?: string): string {
  if (about === undefined) return HELP;
  const lines = HELP.split("\n");
  const isHead = (line: string): boolean => line.startsWith("  isomer ");
  const from = lines.findIndex((line) => isHead(line) && line.trim().split(" ")[1] === about);
  if (from === -1)
    throw BadCommand.with({ detail: `There is no command "${about}". "isomer help" lists what there is.` });
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => isHead(line) || line === "");
  return `${[lines[from], ...rest.slice(0, end)].join("\n")}\n\n${FOOTER}`;
}

const FOOTER = `  A name is a service, a group, "gateway", or "all" for restart and roll.
  --data <folder>                  which fleet (default ./${FOLDER})
`;

/** What `isomer help` prints. */
export const HELP = `isomer: runs a system of services, and looks after a local fleet of it.

  isomer fleet                     starts a fleet on this machine, and shows it
      --port <n>                     of the first gateway (default 3000)
      --placement <file>             which services share a process
  isomer ps                        what runs
      --watch, -w                    go on showing it
      --json                         for programs
  isomer logs [name…]              the last lines of logs
      --follow, -f                   go on with what comes
      --lines, -n <n>                so many of each log (default 20)
      --json                         as they were written
  isomer restart <name>            replaces processes, one after another
  isomer roll <name>               replaces them by the code as it is now
      --entry <path>                 its entry, such as in another worktree
      --version-label <text>         how the build is called
  isomer scale <name> <n>          runs n processes of a group
  isomer place <service> <group>   moves a service into a group, new or not
  isomer stop                      ends the fleet in good order

  isomer dead-letters              events that nobody could handle
      --after <place>                the next ones: it says after what
  isomer redrive <event | all>     hands them to their handlers again
  isomer discard <event>           throws one away
  isomer consumers                 who hears what, and how far behind
  isomer sagas <service>           its sagas
      --status <status>              only these, such as stuck
      --after <saga>                 the next ones
  isomer retry-saga <service> <saga>
                                   tries a saga's step again now
  isomer abort-saga <service> <saga>
                                   ends it; before its pivot it is taken back
  isomer skip <service> <consumer> <source>
                                   lets it go on without events that are gone
  isomer rewind <service> --to <position | moment>
                                   sends its events again from there

  isomer run …                     runs one process of a fleet
  isomer contract diff <old> <new> whether they fit, and what to deploy first

${FOOTER}`;
