/** discovery: registries that live outside the fleet. */
export type { Lookup } from "./dns-lookup.ts";
export { DnsRegistry, type DnsRegistryOptions } from "./dns-registry.ts";
