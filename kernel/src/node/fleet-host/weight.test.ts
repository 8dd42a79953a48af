/** What a process of a fleet loads before it knows what is placed in it: every process pays for that with memory. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const COUNT = `
import { registerHooks } from "node:module";
const loaded = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
    if (name !== undefined) loaded.add(name);
    return next(url, context);
  },
});
await import(process.argv[1]);
console.log(JSON.stringify([...loaded]));
`;

test("a process loads what only some need no sooner than it needs it", async () => {
  const host = new URL("mod.ts", import.meta.url).href;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const words = ["--input-type=module", "--eval", COUNT, host];
  const { stdout } = await promisify(execFile)(process.execPath, words, { env });
  const loaded = JSON.parse(stdout) as string[];
  assert.ok(loaded.includes("pg"), "PostgreSQL's client was not seen, so nothing was counted");
  // The gateway's, those with something to share, those that send mail, those with doors for gRPC, another broker's.
  const some = ["fastify", "@redis/client", "nodemailer", "@grpc/grpc-js", "amqplib"];
  assert.deepEqual(
    loaded.filter((name) => some.includes(name)),
    [],
  );
});
