/** Who may ask a fleet. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { askFleet } from "./control-client.ts";
import { socketOf } from "./control-protocol.ts";
import { NoFleet, NotOwner } from "./faults.ts";
import { fleetFolder } from "./testing/fleet.ts";

const NOBODY = 65_534;

test("whoever may not ask a fleet is told so, and not that there is none", async (context) => {
  const folder = fleetFolder(context);
  await assert.rejects(askFleet(folder, { do: "ps" }), NoFleet.is);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(socketOf(folder), resolve));
  context.after(() => server.close());
  chmodSync(socketOf(folder), 0o000);
  const isRoot = process.geteuid?.() === 0;
  // For root no file is closed.
  if (isRoot) process.seteuid?.(NOBODY);
  const asked = askFleet(folder, { do: "ps" });
  if (isRoot) process.seteuid?.(0);
  await assert.rejects(asked, (error) => NotOwner.is(error) && error.message.includes(folder));
});
