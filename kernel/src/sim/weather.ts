/** The faults that are planned for a run: machines that die or stand still, clocks that are set, partitions. */
import type { System } from "../runtime/mod.ts";
import type { FaultKind, Faults } from "./faults.ts";
import type { Fleet } from "./fleet.ts";
import type { Machine } from "./machine.ts";
import { REGISTRY } from "./replicas/registry-server.ts";
import { DATABASE } from "./replicas/server.ts";
import type { Scheduler } from "./scheduler.ts";

/** What planning needs. */
export interface WeatherParts {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly fleet: Fleet;
  /** For how long faults may begin, in milliseconds from now. */
  readonly forMs: number;
  /** What machines run after a rolling restart, where there is another version. */
  readonly next: System | undefined;
}

/** Draws a number from the fault's name. */
type Draw = (what: string, least: number, most: number) => number;

interface Planned {
  readonly fleet: Fleet;
  readonly machine: Machine;
  readonly other: Machine;
  readonly draw: Draw;
  readonly parts: WeatherParts;
}

const SECOND = 1_000;

const EFFECTS: Partial<Record<FaultKind, (planned: Planned) => void>> = {
  kill: ({ fleet, machine }) => fleet.crash(machine.name, "it was killed", false),
  "power cut": ({ fleet, machine }) => fleet.crash(machine.name, "its power was cut", true),
  "broker crash": ({ fleet }) => fleet.crashBroker(false),
  "broker wiped": ({ fleet }) => fleet.crashBroker(true),
  pause({ machine, draw, parts }) {
    machine.pausedUntil = parts.scheduler.now + draw("for", 200, 8 * SECOND);
  },
  "slow node"({ machine, draw, parts }) {
    machine.slowness = draw("how", 2, 30);
    parts.scheduler.after(draw("for", SECOND, 6 * SECOND), () => (machine.slowness = 1));
  },
  "clock jump"({ machine, draw }) {
    machine.skewMs += draw("by", -5 * SECOND, 5 * SECOND);
  },
  "clock drift"({ machine, draw }) {
    machine.drift = draw("by", -0.05, 0.05);
  },
  partition({ fleet, machine, other, draw, parts }) {
    const until = parts.scheduler.now + draw("for", 200, 6 * SECOND);
    fleet.network.cut(machine.name, other.name, until);
    fleet.network.cut(other.name, machine.name, until);
  },
  "one-way partition"({ fleet, machine, other, draw, parts }) {
    fleet.network.cut(machine.name, other.name, parts.scheduler.now + draw("for", 200, 6 * SECOND));
  },
  "rolling restart"({ fleet, draw, parts }) {
    let afterMs = 0;
    for (const name of fleet.hostNames) {
      parts.scheduler.after(afterMs, () => fleet.drain(name, parts.next));
      afterMs += draw(`between ${name}`, 20, 400);
    }
  },
  drain: ({ fleet, machine }) => fleet.drain(machine.name),
  "database restart"({ fleet, draw }) {
    fleet.restartServer(DATABASE, draw("for", 50, 2 * SECOND));
  },
  "registry lost"({ fleet, draw }) {
    fleet.restartServer(REGISTRY, draw("for", 200, 6 * SECOND), draw("wiped", 0, 1) < 0.4);
  },
};

/** Plans the faults of a run: how many of each kind its rate says, when and where their names say. */
export function plan(parts: WeatherParts): void {
  const { scheduler, faults, fleet, forMs } = parts;
  const hosts = fleet.hostNames;
  for (const [kind, effect] of Object.entries(EFFECTS) as [FaultKind, (planned: Planned) => void][]) {
    const rate = faults.rates[kind];
    const whole = Math.floor(rate);
    const count = whole + (faults.amount("one more", kind) < rate - whole ? 1 : 0);
    for (let n = 1; n <= count; n += 1) {
      const draw: Draw = (what, least, most) =>
        least + (most - least) * faults.amount(what, faults.occasion(`${kind} ${n} ${what}`));
      const one = chosen(hosts, draw("where", 0, 1));
      const others = [...hosts.filter((name) => name !== one), ...fleet.serverNames];
      const two = chosen(others, draw("to", 0, 1));
      const name = ["partition", "one-way partition"].includes(kind) ? `${one} and ${two} ${n}` : `${one} ${n}`;
      scheduler.after(draw("when", 0, forMs), () => {
        const [machine, other] = [fleet.machines.get(one), fleet.machines.get(two)];
        if (faults.healed || machine === undefined || other === undefined) return;
        if (faults.happens(kind, name)) effect({ fleet, machine, other, draw, parts });
      });
    }
  }
}

function chosen(names: readonly string[], unit: number): string {
  return names[Math.min(names.length - 1, Math.floor(unit * names.length))] ?? "";
}
