/** What a network address says about where a client is. */

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Whether the address is this machine's own. */
export function isLoopback(address: string): boolean {
  const plain = plainOf(address);
  return plain.startsWith("127.") || plain === "::1";
}

/**
 * The network that counts as one client: an IPv4 address, or the /64 that an IPv6 address is in. Whoever has one
 * address of it has all 2⁶⁴, so a limit by address would not limit anybody.
 */
export function networkOf(address: string): string {
  const plain = plainOf(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = (plain.split("%", 1)[0] ?? "").split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const last = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + last < 8) groups.push("0");
    if (tail !== "") groups.push(...tail.split(":"));
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "").toLowerCase());
  return `${network.join(":")}::/64`;
}

/** An IPv4 address as itself, also where a socket for both kinds tells it as IPv6. */
function plainOf(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address;
}
