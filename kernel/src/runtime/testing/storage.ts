/** Where the hosts of a test file keep what they know: in memory, unless the file runs on another engine. */
import type { Storage } from "../../store/mod.ts";

let make: ((services: readonly string[]) => Promise<Storage>) | undefined;

/** Lets tests that are loaded from here on run on other storage. */
export function runOn(other: (services: readonly string[]) => Promise<Storage>): void {
  make = other;
}

/** The storage for a world with these services, as an option of `openWorld`. */
export async function storageFor(...services: readonly string[]): Promise<{ readonly storage?: Storage }> {
  return make === undefined ? {} : { storage: await make(services) };
}
