/**
 * Where a gateway begins to listen. Fastify and its plugins are loaded only there: a process of a fleet that has services
 * and no gateway does without their memory.
 */
import type { ListenOptions, Listening } from "./fastify-gateway.ts";

export type { CloseOptions, ListenOptions, Listening } from "./fastify-gateway.ts";

/** Starts to listen. @throws when the port is taken. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { listenWithFastify } = await import("./fastify-gateway.ts");
  return listenWithFastify(options);
}
