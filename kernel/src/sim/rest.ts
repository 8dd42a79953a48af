/** Whether the kernel has come to rest: no saga runs, no event is unheard. */
import type { System } from "../runtime/mod.ts";
import type { SimState } from "./properties.ts";

const SAGAS = "SELECT count(*) AS n FROM isomer_saga WHERE status NOT IN ('completed', 'compensated', 'aborted')";
const LETTERS = "SELECT count(*) AS n FROM isomer_dead";

/** What of the kernel's own work is still under way, for people to read. */
export function kernelUnderWay(state: SimState, system: System): readonly string[] {
  const count = (service: string, sql: string, ...parameters: (string | number)[]): number =>
    state.rows<{ n: number }>(service, sql, ...parameters)[0]?.n ?? 0;
  const left: string[] = [];
  for (const { contract, on, projections } of system.services) {
    const { name } = contract;
    const sagas = count(name, SAGAS);
    if (sagas > 0) left.push(`${sagas} sagas of ${name}`);
    const heard = [
      ...on,
      ...projections.flatMap((projection) => projection.on.map((one) => ({ ...one, consumer: projection.name }))),
    ];
    for (const { consumer, event } of heard) {
      const unheard = unheardOf(state, name, { consumer, source: event.service, type: event.name });
      if (unheard > 0) left.push(`${unheard} ${event.service}.${event.name} to be heard by ${name}`);
    }
  }
  return left;
}

/** Events that were recorded and have no row in the inbox, which dead letters have too. */
function unheardOf(
  state: SimState,
  service: string,
  { consumer, source, type }: { readonly consumer: string; readonly source: string; readonly type: string },
): number {
  const recorded = state.rows<{ id: string }>(source, "SELECT id FROM isomer_log WHERE type = ?", type);
  if (recorded.length === 0) return 0;
  const claimed = state.rows<{ id: string }>(
    service,
    "SELECT event_id AS id FROM isomer_inbox WHERE consumer = ? AND source = ?",
    consumer,
    source,
  );
  const heard = new Set(claimed.map(({ id }) => id));
  return recorded.filter(({ id }) => !heard.has(id)).length;
}

/** How many events were given up, by service. */
export function deadLetters(state: SimState): ReadonlyMap<string, number> {
  const services = [...state.databases.keys()];
  return new Map(services.map((name) => [name, state.rows<{ n: number }>(name, LETTERS)[0]?.n ?? 0]));
}
