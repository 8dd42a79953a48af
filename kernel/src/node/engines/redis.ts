/**
 * A Redis server of one's own, in a folder. It keeps nothing over a restart: what is in it may be lost at any time, and
 * is made again. Under want of memory it drops first what would expire first, which is what is cheapest to lose.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-ports.ts";
import { type RunningProgram, findProgram, startProgram } from "./program.ts";

/** How a Redis server is started. */
export interface RedisServerOptions {
  /** Where its settings and its log are kept. */
  readonly folder: string;
  /** Any free one unless said. */
  readonly port?: number;
  /** What clients sign in with, or the operator where there are users; made up unless said. */
  readonly password?: string;
  /** Who may sign in, for a server of this major version; everybody with the password, for everything, unless said. */
  readonly users?: (version: number) => RedisServerUsers;
  /** How much it keeps, in mebibytes; 64 unless said. */
  readonly memoryMaxMib?: number;
}

/** The users of a server. */
export interface RedisServerUsers {
  /** Lines of its settings. They need hold no password, only digests. */
  readonly lines: readonly string[];
  /** Who asks whether it answers: a user who may `ping`, with the password of the options. */
  readonly operator: string;
}

/** A Redis server that was started. */
export interface RunningRedis {
  /** Where it is reached, with the password: where there are users, the operator's. A secret. */
  readonly url: string;
  readonly port: number;
  /** The program as it runs now. */
  readonly program: RunningProgram;
  /** Ends it; with `SIGKILL` at once, as a crash does. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, empty, after {@link stop} or a crash. */
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
  const users = options.users?.(await versionOf(command));
  const operator = users?.operator ?? "default";
  const access = users?.lines ?? [`requirepass ${password}`];
  mkdirSync(folder, { recursive: true });
  const settings = join(folder, "redis.conf");
  // In a file that only its owner reads: arguments are for everybody on the machine to see.
  writeFileSync(settings, settingsOf({ port, folder, access, memoryMaxMib }), { mode: 0o600 });
  const start = (): Promise<RunningProgram> =>
    startProgram({
      name: "redis",
      command,
      arguments: [settings],
      folder,
      isReady: () => answers(port, operator, password),
    });
  let program = await start();
  return {
    url: `redis://${operator}:${password}@127.0.0.1:${port}`,
    port,
    get program() {
      return program;
    },
    stop: (signal) => program.stop(signal),
    async restart() {
      await program.stop();
      program = await start();
    },
  };
}

/** The major version of the program. */
async function versionOf(command: string): Promise<number> {
  const { stdout } = await promisify(execFile)(command, ["--version"]);
  const told = /v=(\d+)\./.exec(stdout)?.[1];
  if (told === undefined) throw new Error(`${command} does not tell its version: ${stdout.trim()}`);
  return Number(told);
}

interface Settings {
  readonly port: number;
  readonly folder: string;
  readonly access: readonly string[];
  readonly memoryMaxMib: number;
}

function settingsOf(options: Settings): string {
  return [
    "bind 127.0.0.1",
    `port ${options.port}`,
    `dir ${JSON.stringify(options.folder)}`,
    ...options.access,
    `maxmemory ${options.memoryMaxMib}mb`,
    "maxmemory-policy volatile-ttl",
    'save ""',
    "appendonly no",
    "daemonize no",
    "",
  ].join("\n");
}

/** Whether it answers a ping, asked without a client: one that reconnects would be in the way. */
function answers(port: number, user: string, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1", timeout: 1_000 });
    let text = "";
    const over = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.on("connect", () => socket.write(`AUTH ${user} ${password}\r\nPING\r\n`));
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.includes("+PONG")) over(true);
      else if (text.includes("\n-") || text.startsWith("-")) over(false);
    });
    for (const event of ["error", "timeout", "close"]) socket.on(event, () => over(false));
  });
}
