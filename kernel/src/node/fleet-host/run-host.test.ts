/** What a process is started with, and what it says when that cannot be; how it asks a supervisor of another build. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { contract } from "../../contract/mod.ts";
import { defineSystem, implement } from "../../runtime/mod.ts";
import { systemClock } from "../clock.ts";
import { ANSWERS_QUESTIONS, BadCommand, OtherBuild } from "../fleet/mod.ts";
import { writeFleetFile, writeInstanceFile } from "../fleet/fleet-file.ts";
import { defineFleet, runFleetHost } from "./mod.ts";
import { supervisorAsked } from "./process-link.ts";

const folder = mkdtempSync(join(tmpdir(), "isomer-run-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const orders = implement()(contract("orders", { version: "1.0.0" }), { commands: {}, queries: {} });
const app = defineFleet({ system: defineSystem({ name: "Shop", services: [orders], roles: {} }), version: "1" });

describe("a process", () => {
  const refused: readonly [string, RegExp][] = [
    ["--services orders", /needs --fleet <folder> and --instance <name>.*"isomer fleet" starts all of them/],
    ["--nonsense", /Unknown option '--nonsense'.* needs --fleet <folder>/],
    [`--instance orders-1 --fleet ${folder}/nowhere`, /What orders-1 is told in .*nowhere cannot be read: ENOENT/],
    [`--instance orders-2 --fleet ${folder}`, /What orders-2 is told in .* cannot be read: ENOENT/],
    [`--instance orders-1 --fleet ${folder} --services cart`, /its services are orders, not cart/],
    [`--instance orders-1 --fleet ${folder} --gateway`, /it is no gateway/],
    [`--instance orders-1 --fleet ${folder} --port 3000`, /it does not listen on port 3000/],
  ];
  writeFleetFile(folder, {
    ...{ version: 1, system: "Shop", trustDomain: "shop.test", zone: "z", gateways: [], engines: {} },
  });
  writeInstanceFile(folder, {
    ...{ version: 1, instance: "orders-1", group: "orders", services: ["orders"], label: "1" },
    ...{ identityFolder: folder, dataFolder: folder, credentials: {} },
  });
  for (const [words, message] of refused)
    test(`is not started by "${words.replaceAll(folder, "…")}", and says why`, async () => {
      await assert.rejects(
        runFleetHost(app, words.split(" ")),
        (error) => BadCommand.is(error) && message.test(error.message),
      );
    });
});

test("a supervisor from before there were questions is not asked and waited for", async (context) => {
  const before = process.send;
  context.after(() => {
    if (before === undefined) delete process.send;
    else process.send = before;
  });
  process.send = () => assert.fail("it was asked");
  const ask = supervisorAsked(systemClock(), {});
  const asked = ask?.({ operation: "sagas", input: {} });
  await assert.rejects(asked ?? Promise.resolve(), (error) => OtherBuild.is(error) && error.data.what === "sagas");
  assert.equal(ANSWERS_QUESTIONS, "ISOMER_SUPERVISOR_ANSWERS", "older builds go by this name");
});
