/** `isomer fleet`: a fleet that runs for as long as the command does. */
import { Broken, isFault } from "../std/mod.ts";
import {
  ControlServer,
  type Placement,
  Supervisor,
  gatewayUrls,
  makeFolder,
  noEngines,
  readPlacement,
} from "../node/fleet/mod.ts";
import type { Command } from "./arguments.ts";
import type { IsomerOptions } from "./isomer.ts";
import { Screen } from "./screen.ts";

/** Starts a fleet, shows it, and resolves when it has stopped: by a signal, or by `isomer stop`. */
export async function runFleet(command: Extract<Command, { do: "fleet" }>, options: IsomerOptions): Promise<void> {
  const { terminal, clock, entry } = options;
  const { folder, placement: file } = command;
  const system = await options.system();
  const { services, programs = {} } = system;
  const placement = withPort(readPlacement({ folder, services, programs: Object.keys(programs), file }), command.port);
  makeFolder(folder);
  const engines = (await system.engines?.(folder)) ?? noEngines;
  const credentials = await system.credentials?.(folder);
  const secrets = system.secrets?.(folder);
  const say = (text: string): void => {
    screen.say(text);
    control.say(text);
  };
  const supervisor: Supervisor = new Supervisor({
    folder,
    system,
    programs,
    placement,
    build: { entry, label: system.version },
    engines,
    clock,
    ...(credentials === undefined ? {} : { credentials }),
    ...(secrets === undefined ? {} : { secrets }),
    say,
  });
  const control: ControlServer = new ControlServer(supervisor);
  const screen: Screen = new Screen(terminal, clock, () => supervisor.snapshot());
  supervisor.lock();
  await control.listen();
  const off = stopOnSignals(supervisor, options, say);
  screen.open();
  try {
    if (await supervisor.start()) say(`the fleet runs: ${gatewayUrls(placement).join(" ")}`);
    await supervisor.stopped;
    say("the fleet has stopped");
  } finally {
    await control.close();
    screen.close({ keepsTable: false });
    off();
  }
}

/** The first signal stops in good order, a second one at once. */
function stopOnSignals(supervisor: Supervisor, { terminal }: IsomerOptions, say: (text: string) => void): () => void {
  let count = 0;
  return terminal.onStop(() => {
    count += 1;
    if (count === 1) {
      say("stopping: gateways, then services, then servers; again to stop at once");
      supervisor.stop().catch((error: unknown) => {
        say(`stopping failed: ${isFault(error) ? error.message : Broken.with(undefined).message}`);
        supervisor.kill();
      });
    } else supervisor.kill();
  });
}

function withPort(placement: Placement, port: number | undefined): Placement {
  return port === undefined ? placement : { ...placement, gateways: { ...placement.gateways, port } };
}
