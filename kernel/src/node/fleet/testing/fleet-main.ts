/** A supervisor in a process of its own, to be killed: `node fleet-main.ts <folder>`. Says when it runs. */
import { systemClock } from "../../clock.ts";
import { freePort } from "../../engines/mod.ts";
import { noEngines } from "../engine.ts";
import { defaultPlacement } from "../placement.ts";
import { Supervisor } from "../supervisor.ts";
import { fileURLToPath } from "node:url";

const [, , folder = ""] = process.argv;
const services = ["orders", "cart", "deaf"];
const supervisor = new Supervisor({
  folder,
  system: { name: "Fakes", services },
  placement: { ...defaultPlacement(services), gateways: { replicas: 1, port: await freePort() } },
  build: { entry: fileURLToPath(new URL("fake-host.ts", import.meta.url)), label: "v1" },
  engines: noEngines,
  clock: systemClock(),
  environment: { FAKE_HOST: JSON.stringify({ deaf: "deaf" }) },
  say: () => undefined,
});
await supervisor.start();
process.send?.("runs");
