/** transport: how calls travel. */
export type { Envelope, Reply, Transport } from "./envelope.ts";
export { Unreachable } from "./faults.ts";
