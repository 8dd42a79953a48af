/** The names of the registry in NATS. */

/** The bucket of instances. */
export const registryBucket = "isomer_instances";
/** The stream behind the bucket. */
export const registryStream = `KV_${registryBucket}`;
/** Where the server repeats what the bucket has stored. No user may publish there. */
export const instancesSubject = "isomer.instances.>";

/** The key of an instance, as a subject. */
export const instanceKey = (service: string, id: string): string => `$KV.${registryBucket}.${service}.${id}`;
/** All keys of a service's instances, as a subject. */
export const instanceKeys = (service: string): string => instanceKey(service, "*");
