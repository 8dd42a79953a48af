/** Writes what each process is told before it starts, and renews its credentials while it runs. */
import { mkdirSync } from "node:fs";
import type { Clock } from "../../std/mod.ts";
import type { CredentialsWriter, FleetEngines } from "./engine.ts";
import { snapshotText } from "../contracts/mod.ts";
import { fleetPaths, removeInstanceFiles, replaceFile, writeInstanceFile } from "./fleet-file.ts";
import type { HostSpec } from "./host-process.ts";

/** When credentials could not be renewed: how soon to try again, in milliseconds. */
const RETRY_MS = 10_000;

/** What the files are made from. */
export interface InstanceFilesOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly engines: FleetEngines;
  readonly credentials?: CredentialsWriter;
  readonly secrets?: (services: readonly string[]) => Readonly<Record<string, Record<string, string>>>;
}

interface Held {
  readonly workloads: readonly string[];
  renewAt: number;
}

/** The files of all processes. */
export class InstanceFiles {
  readonly #options: InstanceFilesOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: InstanceFilesOptions) {
    this.#options = options;
  }

  /** Writes the files of a process that is about to start. */
  async write(group: string, { instance, services, gatewayPort, zone, build, program }: HostSpec): Promise<void> {
    const { folder, engines, secrets } = this.#options;
    const isGateway = gatewayPort !== undefined;
    const identityFolder = fleetPaths.identity(folder, instance);
    const dataFolder = fleetPaths.data(folder, group);
    for (const path of [identityFolder, dataFolder]) mkdirSync(path, { recursive: true, mode: 0o700 });
    writeInstanceFile(folder, {
      version: 1,
      instance,
      group,
      services: [...services],
      label: build.label,
      ...(zone === undefined ? {} : { zone }),
      identityFolder,
      dataFolder,
      ...(isGateway ? { gateway: { host: "127.0.0.1", port: gatewayPort } } : {}),
      // The servers know no program: what it keeps, it keeps where it likes.
      credentials: program === undefined ? engines.credentialsOf(services, isGateway) : {},
      ...(secrets === undefined ? {} : { secrets: secrets(services) }),
    });
    if (program !== undefined) replaceFile(fleetPaths.contract(folder, instance), snapshotText(program.contract));
    const held: Held = {
      workloads: [...services.map((name) => `service/${name}`), ...(isGateway ? ["gateway"] : [])],
      renewAt: Number.POSITIVE_INFINITY,
    };
    await this.#writeCredentials(instance, held);
    this.#held.set(instance, held);
  }

  /** Renews what is due; called now and then. */
  renew(say: (text: string) => void): void {
    const now = this.#options.clock.now();
    for (const [instance, held] of this.#held) {
      if (now < held.renewAt) continue;
      held.renewAt = now + RETRY_MS;
      this.#writeCredentials(instance, held).catch((error: unknown) =>
        say(
          `the credentials of ${instance} could not be renewed: ${error instanceof Error ? error.message : "unknown"}`,
        ),
      );
    }
  }

  /** Takes the files of a process away, after its end. */
  remove(instance: string): void {
    this.#held.delete(instance);
    removeInstanceFiles(this.#options.folder, instance);
  }

  async #writeCredentials(instance: string, held: Held): Promise<void> {
    const { folder, credentials } = this.#options;
    if (credentials === undefined) return;
    const { renewAt } = await credentials.write(fleetPaths.identity(folder, instance), held.workloads);
    held.renewAt = renewAt;
  }
}
