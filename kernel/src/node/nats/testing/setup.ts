/** A server of its own for each file of tests, and links to it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { silentLogger } from "../../../std/mod.ts";
import { systemClock } from "../../clock.ts";
import { hasNats } from "../../engines/mod.ts";
import { systemRandom } from "../../random.ts";
import { type NatsLink, type NatsLinkOptions, openNats } from "../mod.ts";

/** Why tests against NATS are skipped; false when they are not. */
export const SKIP: string | false = hasNats() ? false : "nats-server is not installed: apt-get install nats-server";

/** A folder that is removed after the tests. Call it outside of hooks and tests: what they ask for ends with them. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "isomer-nats-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A link to servers on these ports, connected. */
export async function linked(ports: readonly number[], more: Partial<NatsLinkOptions> = {}): Promise<NatsLink> {
  const link = openNats({
    servers: ports.map((port) => `127.0.0.1:${port}`),
    ...{ name: "test", clock: systemClock(), random: systemRandom(), log: silentLogger },
    ...more,
  });
  await link.up();
  return link;
}

/** Removes every stream. */
export async function removeStreams(link: NatsLink): Promise<void> {
  await link.jetStream("cleaning up", async ({ manager }) => {
    for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name);
  });
}

/** Makes a stream lose all but its newest messages, as its limits do. */
export async function trimStream(link: NatsLink, stream: string, keep: number): Promise<void> {
  await link.jetStream("trimming", async ({ manager }) => {
    await manager.streams.update(stream, { max_msgs: keep });
    await manager.streams.update(stream, { max_msgs: -1 });
  });
}

/** Makes a stream lose all that it has, as its age does; it goes on counting. */
export async function emptyStream(link: NatsLink, stream: string): Promise<void> {
  await link.jetStream("emptying", async ({ manager }) => {
    const { config } = await manager.streams.info(stream);
    await manager.streams.update(stream, { max_age: 100_000_000, duplicate_window: 100_000_000 });
    await until(async () => (await manager.streams.info(stream)).state.messages === 0);
    await manager.streams.update(stream, { max_age: config.max_age, duplicate_window: config.duplicate_window });
  });
}

/** Resolves when a condition holds. The time that a test may take bounds it. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
