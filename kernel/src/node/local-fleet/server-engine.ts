/** A server of a local fleet that is one program: started once, and after that started again with what it kept. */
import type { RunningProgram } from "../engines/mod.ts";
import type { Engine } from "../fleet/mod.ts";

interface Running {
  readonly program: RunningProgram;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What an engine is made of. */
export interface ServerEngineOptions<R extends Running> {
  readonly name: string;
  readonly port: number;
  /** Starts it for the first time. */
  readonly first: () => Promise<R>;
  readonly again: (running: R) => Promise<void>;
  /** What is to be done in it after each start, before anybody uses it. When that fails, it runs all the same. */
  readonly prepare: (running: R) => Promise<unknown>;
}

/** The server, as the supervisor sees it. */
export function serverEngine<R extends Running>({ name, port, first, again, prepare }: ServerEngineOptions<R>): Engine {
  let running: R | undefined;
  return {
    name,
    address: `127.0.0.1:${port}`,
    get isRunning() {
      return running?.program.isRunning ?? false;
    },
    get pid() {
      return running?.program.pid;
    },
    async start() {
      if (running === undefined) running = await first();
      else await again(running);
      await prepare(running);
    },
    stop: async () => running?.stop(),
    kill: () => void running?.stop("SIGKILL"),
  };
}
