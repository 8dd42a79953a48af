/** The ports of a local fleet's servers: free ones at the first start, and the same from then on. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../engines/mod.ts";
import { replaceFile } from "../fleet/mod.ts";

/** Where servers listen, on the loopback address. */
export interface Ports {
  readonly postgres: number;
  /** Of its copy, where there is one. */
  readonly postgresCopy: number | undefined;
  /** For clients; one for each server. */
  readonly nats: readonly number[];
  /** For one another, where there is more than one. */
  readonly routes: readonly number[];
  readonly redis: number;
}

/** As they are kept: what came later may be missing. */
interface Kept {
  readonly postgres: number;
  readonly nats: number;
  readonly redis: number;
  readonly moreNats?: readonly number[];
  readonly routes?: readonly number[];
  readonly postgresCopy?: number | undefined;
}

/** What ports are needed for. */
export interface PortsOptions {
  readonly natsServers?: number;
  readonly postgresCopy?: boolean;
}

/** The ports for a fleet with such servers; those that the folder knows stay. */
export async function portsOf(folder: string, options: PortsOptions): Promise<Ports> {
  const { natsServers = 1, postgresCopy: hasCopy = false } = options;
  const path = join(folder, "ports.json");
  const known: Partial<Kept> = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Kept) : {};
  const several = async (ports: readonly number[], count: number): Promise<readonly number[]> => {
    const made = [...ports];
    while (made.length < count) made.push(await freePort());
    return made;
  };
  const kept: Required<Kept> = {
    postgres: known.postgres ?? (await freePort()),
    nats: known.nats ?? (await freePort()),
    redis: known.redis ?? (await freePort()),
    moreNats: await several(known.moreNats ?? [], natsServers - 1),
    routes: await several(known.routes ?? [], natsServers === 1 ? 0 : natsServers),
    postgresCopy: known.postgresCopy ?? (hasCopy ? await freePort() : undefined),
  };
  replaceFile(path, JSON.stringify(kept));
  const { postgres, nats, redis, moreNats, routes } = kept;
  const postgresCopy = hasCopy ? kept.postgresCopy : undefined;
  return {
    postgres,
    postgresCopy,
    redis,
    nats: [nats, ...moreNats].slice(0, natsServers),
    routes: routes.slice(0, natsServers),
  };
}
