/**
 * `addresses.json`: where services in other languages find those of the fleet, and the fleet finds them. The supervisor
 * replaces it whenever a process becomes ready or is about to end; whoever reads it looks again when it has changed.
 *
 * Across a crash: the next supervisor begins with an empty one. It holds no secret.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../std/mod.ts";
import { type TypeOf, t, validator } from "../../schema/mod.ts";
import { fleetPaths, replaceFile } from "./fleet-file.ts";
import type { Instance, InstanceState } from "./instance.ts";
import type { ProgramSpec } from "./program.ts";

const AddressSchema = t.object({
  instance: t.text(),
  /** When the process became ready, milliseconds since 1970. */
  startedAt: t.integer(),
  /** Calls over HTTP with JSON go to `<http>/<service>/<operation>`. */
  http: t.optional(t.text()),
  /** Calls over gRPC: a host and a port. */
  grpc: t.optional(t.text()),
});
const AddressesSchema = t.object({ version: t.literal(1), services: t.record(t.array(AddressSchema)) });
const addresses = validator(AddressesSchema, "addresses.json");

/** Where one process takes calls of, or as, services in other languages. */
export type Address = TypeOf<typeof AddressSchema>;
/** The processes of each service that take calls now. */
export type Addresses = TypeOf<typeof AddressesSchema>;

/** Reads the file. Undefined when there is none, or it is of another build. */
export function readAddresses(folder: string): Addresses | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(fleetPaths.addresses(folder), "utf8"));
    return addresses.check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What an {@link AddressesWriter} takes. */
export interface AddressesWriterOptions {
  /** The fleet's folder. */
  readonly folder: string;
  readonly clock: Clock;
  /** The services in other languages, by name. */
  readonly programs?: Readonly<Record<string, ProgramSpec>>;
}

/** Keeps the file of a fleet. */
export class AddressesWriter {
  readonly #folder: string;
  readonly #clock: Clock;
  /** The services that somebody looks for here: programs, and what programs use. */
  readonly #listed: ReadonlySet<string>;
  /** When each process became ready: said once, for it is part of who it is. */
  readonly #startedAt = new WeakMap<InstanceState, number>();
  #written = "";

  constructor({ folder, clock, programs = {} }: AddressesWriterOptions) {
    this.#folder = folder;
    this.#clock = clock;
    this.#listed = new Set(
      Object.entries(programs).flatMap(([name, { contract }]) => [name, ...(contract.uses ?? [])]),
    );
  }

  /** Writes the file anew when these instances are reached elsewhere than before. */
  write(instances: readonly Instance[]): void {
    const services: Record<string, Address[]> = {};
    for (const instance of instances) {
      const address = this.#addressOf(instance);
      if (address === undefined) continue;
      for (const service of instance.spec.services)
        if (this.#listed.has(service)) (services[service] ??= []).push(address);
    }
    const text = JSON.stringify({ version: 1, services } satisfies Addresses, undefined, 2);
    if (text === this.#written) return;
    replaceFile(fleetPaths.addresses(this.#folder), text);
    this.#written = text;
  }

  #addressOf({ name, state }: Instance): Address | undefined {
    if (state.is !== "ready" || (state.httpPort ?? state.grpcPort) === undefined) return undefined;
    const { httpPort, grpcPort } = state;
    const startedAt = this.#startedAt.get(state) ?? this.#clock.now();
    this.#startedAt.set(state, startedAt);
    return {
      instance: name,
      startedAt,
      ...(httpPort === undefined ? {} : { http: `https://127.0.0.1:${httpPort}` }),
      ...(grpcPort === undefined ? {} : { grpc: `127.0.0.1:${grpcPort}` }),
    };
  }
}
