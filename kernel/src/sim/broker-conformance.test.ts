/** The simulated broker, as a process of the fleet reaches it, is held to what every broker does. */
import { brokerConformance } from "../events/testing/conformance.ts";
import { BROKER, SimBroker } from "./broker.ts";
import { forkedRandom } from "./random.ts";
import { Stage, type StageOptions } from "./testing/stage.ts";

const settings: readonly (readonly [string, StageOptions])[] = [
  ["simulated", {}],
  ["simulated, which gives again and tells late", { rates: { "event redelivered": 0.6, "event late": 0.6 } }],
  ["simulated, with messages that are doubled and late", { rates: { "request doubled": 0.5, "request delayed": 0.5 } }],
];
for (const [name, options] of settings) {
  brokerConformance(name, async () => {
    const stage = new Stage(options);
    const pump = stage.pump();
    const machine = stage.machine("host");
    const { scheduler, network, faults, history } = stage;
    const broker = new SimBroker({ machine: stage.machine(BROKER), scheduler, network, faults, history });
    broker.start();
    return {
      broker: broker.clientOf(machine, machine.born(), forkedRandom(1, "poll")),
      close: () => pump.stop(),
    };
  });
}
