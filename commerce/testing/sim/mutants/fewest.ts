/** Finds few faults that are enough: takes ever smaller parts away as long as what is left still fails (ddmin). */

/** Runs of one search at most. */
const RUNS_MAX = 120;

/** A subset of which `fails` says that it still fails, and from which no part of the sizes tried can be taken. */
export async function fewestFaults(
  all: readonly string[],
  fails: (only: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  let left = [...all];
  let runs = 0;
  if (left.length > 0 && (await fails([]))) return [];
  for (let size = Math.ceil(left.length / 2); size >= 1 && left.length > 0;) {
    let shrunk = false;
    for (let start = 0; start < left.length && runs < RUNS_MAX;) {
      runs += 1;
      const without = [...left.slice(0, start), ...left.slice(start + size)];
      if (await fails(without)) {
        left = without;
        shrunk = true;
      } else start += size;
    }
    if (runs >= RUNS_MAX) break;
    if (size > 1) size = Math.ceil(size / 2);
    else if (!shrunk) break;
  }
  return left;
}
