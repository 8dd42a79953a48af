/** Keeps a server running: starts it, looks whether it still runs, starts it again on the same address. */
import type { Clock } from "../../std/mod.ts";
import type { Engine } from "./engine.ts";
import { type RestartLimits, restartAfter } from "./restart-policy.ts";
import type { FleetRow } from "./rows.ts";

/** What a keeper takes. */
export interface EngineKeeperOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: RestartLimits;
  readonly say: (text: string) => void;
  readonly changed: () => void;
}

/** Keeps one server running. */
export class EngineKeeper {
  readonly engine: Engine;
  readonly #options: EngineKeeperOptions;
  #upSinceMs: number | undefined;
  #nextAtMs = 0;
  #failures = 0;
  #restarts = 0;
  #isLoop = false;
  #starting: Promise<void> | undefined;

  constructor(options: EngineKeeperOptions) {
    this.engine = options.engine;
    this.#options = options;
  }

  /** Starts the server. @throws when it does not start. */
  async start(): Promise<void> {
    this.#starting ??= this.engine.start().finally(() => (this.#starting = undefined));
    await this.#starting;
    this.#upSinceMs = this.#nowMs();
    this.#options.changed();
  }

  /** Looks after the server; called now and then. */
  watch(): void {
    const { clock, limits, say } = this.#options;
    const { name, isRunning } = this.engine;
    if (isRunning || this.#starting !== undefined) return;
    const now = clock.monotonicMs();
    if (this.#upSinceMs !== undefined) {
      this.#failed(limits, now - this.#upSinceMs);
      say(`${name} ended; it starts again`);
    }
    if (now < this.#nextAtMs) return;
    this.#restarts += 1;
    this.start().then(
      () => say(`${name} runs again`),
      (error: unknown) => {
        this.#failed(limits, 0);
        say(`${name} did not start: ${error instanceof Error ? error.message : "unknown"}`);
      },
    );
  }

  /** Ends the server, after a start that is under way. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    await this.engine.stop();
    this.#upSinceMs = undefined;
  }

  /** The server as a line of the table. */
  row(): FleetRow {
    const { name, address, pid, isRunning } = this.engine;
    const down = this.#isLoop ? "crash loop" : "down";
    return {
      kind: "engine",
      group: name,
      services: [],
      instance: name,
      ...(pid === undefined ? {} : { pid }),
      state: isRunning ? "running" : this.#starting === undefined ? down : "starting",
      address,
      ...(isRunning && this.#upSinceMs !== undefined ? { upMs: this.#nowMs() - this.#upSinceMs } : {}),
      restarts: this.#restarts,
      version: "",
    };
  }

  #failed(limits: RestartLimits, ranForMs: number): void {
    const { failures, waitMs, isLoop } = restartAfter(this.#failures, ranForMs, limits);
    this.#failures = failures;
    this.#isLoop = isLoop;
    this.#nextAtMs = this.#nowMs() + waitMs;
    this.#upSinceMs = undefined;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
