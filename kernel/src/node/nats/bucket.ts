/**
 * The bucket of instances: a NATS KV bucket with a key for each, which lasts as long as it is written again. The server
 * repeats what it stores to whoever watches.
 */
import { DiscardPolicy, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { Instance } from "../../transport/mod.ts";
import type { NatsLink } from "./link.ts";

/** The bucket's name. */
export const REGISTRY_BUCKET = "isomer_instances";
/** The stream behind the bucket. */
export const REGISTRY_STREAM = `KV_${REGISTRY_BUCKET}`;
/** Where the server repeats what the bucket has stored. No user may publish there. */
export const INSTANCES_SUBJECT = "isomer.instances.>";
/** The header by which KV tells of a key that was deleted. */
export const OPERATION_HEADER = "KV-Operation";

/** How long an entry lasts that is not written again, in milliseconds. */
export const LEASE_MS = 9_000;
const NANOS = 1_000_000;

/** How the bucket is kept. */
export interface BucketOptions {
  /** On how many servers: 1, or 3 of a cluster. 1 unless said. */
  readonly replicas?: 1 | 3 | 5;
  /** How long an entry lasts that is not written again, in milliseconds: the same for all; 9,000 unless said. */
  readonly leaseMs?: number;
}

/** The key of an instance, as a subject. */
export const keyOf = ({ service, id }: Pick<Instance, "service" | "id">): string =>
  `$KV.${REGISTRY_BUCKET}.${service}.${Buffer.from(id).toString("base64url")}`;
/** All keys of a service's instances, as a subject. */
export const keysOf = (service: string): string => `$KV.${REGISTRY_BUCKET}.${service}.*`;
/** Where all that is stored of a service's instances is repeated. */
export const instancesOf = (service: string): string => `isomer.instances.${service}.*`;

/** Makes the bucket, or changes it to what is said. May be repeated. Who runs the fleet may; services may not. */
export async function makeRegistryBucket(link: NatsLink, options: BucketOptions = {}): Promise<void> {
  const { replicas = 1, leaseMs = LEASE_MS } = options;
  const changeable = {
    num_replicas: replicas,
    max_age: leaseMs * NANOS,
    duplicate_window: Math.min(1_000, leaseMs) * NANOS,
    // A message that rolls up removes all others, and whoever may write a key might write one.
    ...{ allow_rollup_hdrs: false, deny_purge: true },
  };
  await link.jetStream("making the bucket of instances", async ({ manager }) => {
    const names = await manager.streams.names(`$KV.${REGISTRY_BUCKET}.>`).next();
    if (names.includes(REGISTRY_STREAM)) {
      await manager.streams.update(REGISTRY_STREAM, changeable);
      return;
    }
    await manager.streams.add({
      ...changeable,
      ...{ name: REGISTRY_STREAM, subjects: [`$KV.${REGISTRY_BUCKET}.>`], max_msgs_per_subject: 1 },
      ...{ retention: RetentionPolicy.Limits, storage: StorageType.File, discard: DiscardPolicy.New },
      ...{ deny_delete: true, max_msg_size: 4_096 },
      republish: { src: `$KV.${REGISTRY_BUCKET}.>`, dest: INSTANCES_SUBJECT },
    });
  });
}

/** An instance as it is stored. `life` tells one registration from another. */
export interface Entry {
  readonly instance: Instance;
  readonly life: string;
}

/** The text of an entry. */
export const textOf = (entry: Entry): string => JSON.stringify(entry);

/** The entry in a text; undefined when it is none, or tells of another service or instance than its key. */
export function entryFrom(data: Uint8Array, token: string, service: string): Entry | undefined {
  try {
    const entry = JSON.parse(new TextDecoder().decode(data)) as Partial<Entry>;
    const { instance, life } = entry;
    if (typeof life !== "string" || instance === undefined || !isInstance(instance)) return undefined;
    const isItsOwn = instance.service === service && Buffer.from(instance.id).toString("base64url") === token;
    return isItsOwn ? { instance, life } : undefined;
  } catch {
    return undefined;
  }
}

function isInstance({ id, service, address, startedAt, health }: Instance): boolean {
  const isNamed = typeof id === "string" && typeof service === "string";
  const isSomewhere = typeof address?.host === "string" && Number.isInteger(address.port);
  return isNamed && isSomewhere && typeof startedAt === "number" && (health === "ready" || health === "draining");
}
