/**
 * A Redis server of one's own, in a folder. It keeps nothing over a restart: what is in it may be lost at any time, and
 * is made again. Under want of memory it drops first what would expire first, which is what is cheapest to lose.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type RunningProgram, findProgram, freePort, startProgram } from "./program.ts";

/** How a Redis server is started. */
export interface RedisServerOptions {
  /** Where its settings and its log are kept. */
  readonly folder: string;
  /** Any free one unless said. */
  readonly port?: number;
  /** What clients sign in with; made up unless said. */
  readonly password?: string;
  /** How much it keeps, in mebibytes; 64 unless said. */
  readonly memoryMaxMib?: number;
}

/** A Redis server that was started. */
export interface RunningRedis {
  /** Where clients reach it, with the password. A secret. */
  readonly url: string;
  readonly port: number;
  /** The program as it runs now. */
  readonly program: RunningProgram;
  /** Ends it. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty, after {@link stop} or {@link kill}. */
  restart(): Promise<void>;
}

/**
 * Starts a Redis server; resolves when it answers. Undefined when Redis is not installed.
 * @throws when it does not start: with the last lines of what it said.
 */
export async function startRedis(options: RedisServerOptions): Promise<RunningRedis | undefined> {
  const command = findProgram("redis-server");
  if (command === undefined) return undefined;
  const { folder, password = randomBytes(24).toString("base64url"), memoryMaxMib = 64 } = options;
  const port = options.port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const settings = join(folder, "redis.conf");
  // In a file that only its owner reads: arguments are for everybody on the machine to see.
  writeFileSync(settings, settingsOf({ port, folder, password, memoryMaxMib }), { mode: 0o600 });
  const start = (): Promise<RunningProgram> =>
    startProgram({
      name: "redis",
      command,
      arguments: [settings],
      folder,
      isReady: () => answers(port, password),
    });
  let program = await start();
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    port,
    get program() {
      return program;
    },
    stop: () => program.stop(),
    kill: () => program.stop("SIGKILL"),
    async restart() {
      await program.stop();
      program = await start();
    },
  };
}

function settingsOf(options: { port: number; folder: string; password: string; memoryMaxMib: number }): string {
  return [
    "bind 127.0.0.1",
    `port ${options.port}`,
    `dir ${JSON.stringify(options.folder)}`,
    `requirepass ${options.password}`,
    `maxmemory ${options.memoryMaxMib}mb`,
    "maxmemory-policy volatile-ttl",
    'save ""',
    "appendonly no",
    "daemonize no",
    "",
  ].join("\n");
}

/** Whether it answers a ping, asked without a client: one that reconnects would be in the way. */
function answers(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1", timeout: 1_000 });
    let text = "";
    const over = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.on("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.includes("+PONG")) over(true);
      else if (text.includes("\n-") || text.startsWith("-")) over(false);
    });
    for (const event of ["error", "timeout", "close"]) socket.on(event, () => over(false));
  });
}
