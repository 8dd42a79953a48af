/** What whoever looks after Redis does after each of its starts. */
import { createClient } from "@redis/client";
import type { RedisClient } from "./link.ts";
import { TAKE } from "./rates.ts";
import { REVOKE } from "./revocations.ts";

/** How long connecting may take, in milliseconds. */
const CONNECT_MS = 5_000;

/**
 * Makes the scripts known that hosts call by their digests. Redis forgets them when it ends; until they are there again,
 * limits are each gateway's own, and what is revoked waits to be told again.
 * @param url With the operator's login. A secret.
 * @throws when Redis cannot be reached, or refuses.
 */
export async function loadRedisScripts(url: string): Promise<void> {
  const client: RedisClient = createClient({
    url,
    disableClientInfo: true,
    maintNotifications: "disabled",
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false },
  });
  // Told by what rejects, too; without a listener it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    for (const script of [TAKE, REVOKE]) await script.load(client);
  } finally {
    client.destroy();
  }
}
