/**
 * How much goes wrong in a run. Each seed draws its own rates: some runs have no crashes but many lost messages, some
 * the reverse, and some next to nothing ("Swarm Testing", Groce et al., ISSTA 2012). A mixture that is the same
 * everywhere would never show what needs one kind of fault to be absent.
 */
import type { Random } from "../std/mod.ts";
import { FAULT_KINDS, type FaultKind, type FaultRates, REPLICA_FAULTS } from "./faults.ts";

/** The highest rates. Of planned faults, the highest number in a run. */
const HIGHEST: FaultRates = {
  "request lost": 0.03,
  "request delayed": 0.15,
  "request doubled": 0.05,
  "reply lost": 0.03,
  "reply delayed": 0.1,
  "event redelivered": 0.15,
  "event late": 0.2,
  "publish lost": 0.1,
  "ack lost": 0.1,
  "broker crash": 2,
  "broker wiped": 1,
  "serialization failure": 0.03,
  deadlock: 0.02,
  "connection lost": 0.01,
  "commit unknown": 0.02,
  "slow database": 0.03,
  "crash before statement": 0.002,
  "crash after statement": 0.002,
  "crash before commit": 0.003,
  "crash after commit": 0.006,
  "crash on arrival": 0.003,
  "crash before reply": 0.006,
  kill: 3,
  "power cut": 2,
  pause: 2,
  "slow node": 1.5,
  "clock jump": 2,
  "clock drift": 1,
  partition: 2,
  "one-way partition": 2,
  "rolling restart": 0.7,
  "call refused": 0.02,
  drain: 3,
  stall: 0.015,
  "database restart": 2,
  "registry lost": 2,
  "news late": 0.3,
  "half-open connection": 0.01,
};

/**
 * Draws the rates of a run. Each kind is absent in about a third of the runs; those that need replicas, where there are
 * none.
 */
export function drawRates(random: Random, overrides: Partial<FaultRates> = {}, hasReplicas = true): FaultRates {
  const calm = random.next() < 0.05;
  const rates = {} as Record<FaultKind, number>;
  for (const kind of FAULT_KINDS) {
    const [isThere, strength] = [random.next() > 0.35, random.next()];
    const drawn = isThere && !calm ? HIGHEST[kind] * strength * strength : 0;
    rates[kind] = !hasReplicas && REPLICA_FAULTS.has(kind) ? 0 : (overrides[kind] ?? drawn);
  }
  return rates;
}
