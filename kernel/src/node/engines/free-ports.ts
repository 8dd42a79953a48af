/**
 * Ports for servers that are started again on the same one. Below the ranges from which systems take the ports of outgoing
 * connections (Linux: 32768 and up; RFC 6335: 49152 and up), for while a server is dead one of its clients could
 * be given its port, and keep it.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const FIRST = 10_000;
const LAST = 32_000;

/** A TCP port of the loopback address that nobody listens on now. */
export function freePort(): Promise<number> {
  return freePorts(1);
}

/** The first of so many ports in a row that nobody listens on now, on the loopback address. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(FIRST, LAST - count);
    const found = await Promise.all(Array.from({ length: count }, (_, n) => isFreePort(first + n)));
    if (found.every(Boolean)) return first;
  }
}

/** Whether nobody listens on a TCP port of the loopback address now. */
export function isFreePort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
