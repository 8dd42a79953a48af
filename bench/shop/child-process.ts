/** A server under test in a process of its own, so that the load that is put on it costs it nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Usage } from "./usage.ts";

/** A server that runs in another process. */
export interface ServerProcess {
  readonly url: string;
  readonly password: string;
  usage(): Promise<Usage>;
  /** Resolves when nothing is under way any more, with what it has used by then. */
  settle(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Starts a script that tells its address when it is open. */
export async function startServer(
  script: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [...flags, path, folder], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const { url, password } = await next<{ url: string; password: string }>(child);
  const ask = (what: string): Promise<Usage> => {
    const answer = next<Usage>(child);
    child.send(what);
    return answer;
  };
  return {
    url,
    password,
    usage: () => ask("usage"),
    settle: () => ask("settle"),
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.send("stop");
      await ended;
    },
  };
}

function next<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`The server ended with ${String(code)}.`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message as T);
    });
  });
}
