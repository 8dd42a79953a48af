/** Lanes in processes of their own. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Lane } from "../batch/lane.ts";
import { type SeedOutcome, brokenOutcome } from "../batch/outcome.ts";
import type { WorkerAsk } from "./worker.ts";

/** Where another process finds a simulation. */
export interface SimulationSource {
  /** The URL of the module: `import.meta.url` of the file that exports it, or a URL beside it. */
  readonly url: string | URL;
  /** The name under which the module exports it. */
  readonly name: string;
}

const WORKER = new URL("./worker.ts", import.meta.url);
/** What is kept of what a worker says before it dies. */
const SAID_MAX = 2_000;
const START_MAX_MS = 60_000;

/** How many runs this machine makes side by side. */
export function cores(): number {
  return availableParallelism();
}

/** Milliseconds of real time, from some moment on. */
export function realMs(): number {
  return performance.now();
}

/** Makes runs in a process of its own, which is started when it is needed, and again when it died. */
export class WorkerLane implements Lane {
  readonly #source: SimulationSource;
  readonly #runMaxMs: number;
  #child: Promise<ChildProcess> | undefined;
  #said = "";

  constructor(source: SimulationSource, runMaxMs: number) {
    this.#source = source;
    this.#runMaxMs = runMaxMs;
  }

  async run(task: WorkerAsk["task"]): Promise<SeedOutcome> {
    try {
      return (await this.#ask({ op: "run", task })) as SeedOutcome;
    } catch (error) {
      return brokenOutcome(task, (error as Error).message);
    }
  }

  tell(task: WorkerAsk["task"]): Promise<readonly string[]> {
    return this.#ask({ op: "tell", task }) as Promise<readonly string[]>;
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => undefined);
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.disconnect();
    await exited;
  }

  async #ask(ask: WorkerAsk): Promise<unknown> {
    const child = await (this.#child ??= this.#start());
    child.send(ask);
    return this.#answerOf(child, this.#runMaxMs);
  }

  async #start(): Promise<ChildProcess> {
    const { url, name } = this.#source;
    // A test runner's children must not think that they are tests.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = fork(WORKER, [String(url), name], { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.#said = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data: Buffer) => (this.#said = (this.#said + String(data)).slice(-SAID_MAX)));
    await this.#answerOf(child, START_MAX_MS);
    return child;
  }

  /** The next message of the process. @throws when it dies or takes too long. */
  #answerOf(child: ChildProcess, longestMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
        settle();
      };
      const gone = (why: string): void => {
        this.#child = undefined;
        end(() => reject(new Error(`${why}\n${this.#said}`.trim())));
      };
      const onMessage = (message: unknown): void => end(() => resolve(message));
      const onExit = (code: number | null): void => gone(`The process ended with code ${String(code)}.`);
      const timer = setTimeout(() => {
        gone(`It took longer than ${longestMs} ms.`);
        child.kill("SIGKILL");
      }, longestMs);
      child.on("message", onMessage).on("exit", onExit);
    });
  }
}
