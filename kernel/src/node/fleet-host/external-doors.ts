/**
 * The doors of a process for services in other languages: HTTP with JSON, and gRPC where the contracts' numbers are locked.
 * Only what such a service uses has a door, and behind it stands what stands behind the wire: who the peer is, what it
 * declares, whom the operation lets in.
 */
import { fileURLToPath } from "node:url";
import type { Metrics } from "../../observe/mod.ts";
import type { WorkloadIdentity } from "../../security/mod.ts";
import { type System, Undeclared } from "../../runtime/mod.ts";
import { type Clock, LogBudget, type Logger } from "../../std/mod.ts";
import type { Envelope, InboundCall, Reply } from "../../transport/mod.ts";
import { readLock } from "../contracts/mod.ts";
import { HttpServer } from "../external/mod.ts";
import type { FleetApp } from "./app.ts";
import { pathOf } from "./mesh.ts";

/** Lets a call in by all but its input. @throws what it is refused with. */
type Admit = (call: InboundCall, peerId: string) => Envelope;

/** What doors are made of. */
export interface DoorOptions {
  readonly app: FleetApp;
  /** The services of this process. */
  readonly placed: readonly string[];
  readonly identity: WorkloadIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly admission: () => Admit;
  readonly handle: (envelope: Envelope) => Promise<Reply>;
}

/** Doors that are open. */
export interface ExternalDoors {
  readonly ports: { readonly httpPort?: number; readonly grpcPort?: number };
  /** Takes no further calls; resolves when those under way are over. */
  close(): Promise<void>;
}

/** Opens the doors of a process; undefined when no service in another language uses what is placed here. */
export async function openDoors(options: DoorOptions): Promise<ExternalDoors | undefined> {
  const { app, placed, admission, identity, clock, log, metrics, handle } = options;
  const { externals = [] } = app.system;
  const used = new Set(externals.flatMap(({ uses }) => uses.map(({ name }) => name)));
  const [first, ...rest] = placed.filter((name) => used.has(name)).map(pathOf);
  if (first === undefined) return undefined;
  const paths: [string, ...string[]] = [first, ...rest];
  const admit = declaredOnly(admission(), app.system, { clock, log });
  const parts = { identity, clock, log, metrics, paths, admit, handle };
  const http = await HttpServer.listen(parts);
  const grpc = app.protos === undefined ? undefined : await openGrpc(parts, app, app.protos);
  return {
    ports: { httpPort: http.port, ...(grpc === undefined ? {} : { grpcPort: grpc.port }) },
    async close() {
      await Promise.all([http.close(), grpc?.close()]);
    },
  };
}

/**
 * Refuses at the door what the runtime would refuse in any case, in its words: of whoever has not declared that it calls a
 * service, no input is taken in. What else an operation asks for, the runtime decides when the input is there.
 */
export function declaredOnly(
  admit: Admit,
  system: Pick<System, "mayCall">,
  { clock, log }: Pick<DoorOptions, "clock" | "log">,
): Admit {
  const budget = new LogBudget(clock);
  return (call, peer) => {
    const envelope = admit(call, peer);
    const { caller, service, operation } = envelope;
    if (caller === undefined || caller === service || system.mayCall(caller, service)) return envelope;
    const reason = "undeclared";
    if (budget.take()) log.warn("call refused", { operation: `${service}.${operation}`, caller, peer, reason });
    throw Undeclared.with({ caller, service });
  };
}

type Parts = Parameters<typeof HttpServer.listen>[0];

async function openGrpc(parts: Parts, { system }: FleetApp, protos: URL): ReturnType<typeof listenGrpc> {
  const contracts = system.contracts.filter(({ name }) => parts.paths.includes(pathOf(name)));
  return listenGrpc(parts, contracts, fileURLToPath(protos));
}

async function listenGrpc(parts: Parts, contracts: FleetApp["system"]["contracts"], folder: string) {
  // Not before it is needed: it costs each process 13 MB.
  const { GrpcServer, grpcMethods } = await import("../grpc/mod.ts");
  const methods = contracts.flatMap((contract) => grpcMethods(contract, readLock(folder, contract.name)));
  return GrpcServer.listen({ ...parts, methods });
}
