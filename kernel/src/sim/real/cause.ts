/** What the running code is about: a stable name from which ids are made. Follows promises, as the code does. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A name, and how many ids were made under it. */
export interface Cause {
  readonly name: string;
  made: number;
}

const causes = new AsyncLocalStorage<Cause>();

/** Runs something, and all that follows from it, under a name. */
export function under<T>(name: string, body: () => T): T {
  return causes.run({ name, made: 0 }, body);
}

/** Under which name the running code runs. */
export function currentCause(): Cause | undefined {
  return causes.getStore();
}
