import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { freePorts } from "./free-ports.ts";

void test("ports in a row are free, and below those of outgoing connections", async (t) => {
  const first = await freePorts(3);
  assert.ok(first >= 10_000 && first + 2 < 32_768, String(first));
  for (let n = 0; n < 3; n += 1) {
    const server = createServer().listen(first + n, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
  }
});
