/** Where in a service's log a moment is: for whoever sends events again since then. */
import type { SqlConnection } from "../store/mod.ts";
import { logHead, readLog } from "./log.ts";

/**
 * The position after which everything was recorded at `sinceMs` (milliseconds since 1970) or later; the head when
 * nothing was. Looks at a row for each halving of the log. Clocks of writers may differ a little: take some minutes more.
 */
export async function logPositionAt(connection: SqlConnection, service: string, sinceMs: number): Promise<number> {
  let [low, high] = [0, await logHead(connection)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = await readLog(connection, service, { after: middle, limit: 1 });
    if (event === undefined || event.at >= sinceMs) high = middle;
    else low = event.position;
  }
  return low;
}
