/** What whoever started the process asks of simulations, and where they are told. */
import { relative } from "node:path";

/** The seed that is asked for with this simulation: `SIM_SEED='<name>#<seed>'`. @throws {TypeError} when it is none. */
export function askedSeed(name: string): number | undefined {
  const { SIM_SEED: asked } = process.env;
  if (asked === undefined) return undefined;
  const hash = asked.lastIndexOf("#");
  if (hash === -1) throw new TypeError(`SIM_SEED is "${asked}"; write a simulation's name and a seed, like "shop#42".`);
  return asked.slice(0, hash) === name ? wholeNumber("SIM_SEED", asked.slice(hash + 1)) : undefined;
}

/** How many seeds are asked for: `SIM_SEEDS=500`. @throws {TypeError} when it is no number. */
export function askedSeeds(): number | undefined {
  const { SIM_SEEDS: asked } = process.env;
  return asked === undefined ? undefined : wholeNumber("SIM_SEEDS", asked);
}

/** The command that replays a seed, for a POSIX shell. */
export function replayCommand(name: string, seed: number): string {
  const [, file = ""] = process.argv;
  const asked = `${name}#${seed}`.replaceAll("'", `'\\''`);
  return `SIM_SEED='${asked}' npx node --test ${relative(process.cwd(), file)}`;
}

/** Prints for people. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wholeNumber(variable: string, text: string): number {
  const number = Number(text);
  if (text === "" || !Number.isSafeInteger(number) || number < 0)
    throw new TypeError(`"${text}" in ${variable} is not a whole number.`);
  return number;
}
