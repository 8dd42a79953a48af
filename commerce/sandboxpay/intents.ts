/** Carries requests out in one transaction: the intent, the ledger and the webhooks to send change together. */
import type { Writer } from "@isomer/kernel/store";
import type { Ids } from "@isomer/kernel/std";
import { NoIntent, type WebhookEvent } from "./contract.ts";
import { type Outcome, type StoredIntent, toIntent } from "./domain.ts";
import { type Settings, darkOf } from "./settings.ts";
import { type Tables, appendEntries, findIntent, insertDelivery, insertIntent, updateIntent } from "./store.ts";

/** What surrounds a change. */
export interface Around {
  now(): number;
  readonly ids: Ids;
  readonly settings: Settings;
}

/**
 * Intents whose answers get lost say so in their ids: `pi_lost_…` and `pi_dark_…`. It saves a look-up on the way
 * of all others.
 */
export function intentId(uuid: string, answer: "given" | "lost" | "dark"): string {
  return answer === "given" ? `pi_${uuid}` : `pi_${answer}_${uuid}`;
}

/** Whether the answer to the intent's making is still lost. */
export function isAnswerLost({ id, created }: { id: string; created: number }, around: Around): boolean {
  if (!id.startsWith("pi_lost_") && !id.startsWith("pi_dark_")) return false;
  // `created` was cut to seconds: the window is at least as long as it is said to be.
  return around.now() < (created + 1) * 1_000 + darkOf(around.settings);
}

/** Whether nothing can be learned of an intent now. */
export function isDark(intent: { id: string; created: number }, around: Around): boolean {
  return intent.id.startsWith("pi_dark_") && isAnswerLost(intent, around);
}

/** The intent. @throws {NoIntent} */
export async function loadIntent(tx: Writer<Tables>, intentId: string): Promise<StoredIntent> {
  const found = await findIntent(tx, intentId);
  if (found === undefined) throw NoIntent.with({ intentId });
  return found;
}

/** Writes what comes of a request to an intent that is there. */
export async function applyOutcome(tx: Writer<Tables>, outcome: Outcome, around: Around): Promise<void> {
  await updateIntent(tx, outcome.intent);
  await applyEffects(tx, outcome, around);
}

/** Writes a new intent and what came of it. */
export async function applyNew(tx: Writer<Tables>, outcome: Outcome, around: Around): Promise<void> {
  await insertIntent(tx, outcome.intent);
  await applyEffects(tx, outcome, around);
}

async function applyEffects(tx: Writer<Tables>, { intent, events, entries }: Outcome, around: Around): Promise<void> {
  const now = around.now();
  await appendEntries(tx, intent, entries, now);
  const object = toIntent(intent, around.settings.publicUrl);
  const nextAt = isDark(object, around) ? now + darkOf(around.settings) : now;
  for (const type of events) {
    const id = `evt_${around.ids.next()}`;
    const event: WebhookEvent = { id, object: "event", type, created: Math.floor(now / 1_000), data: { object } };
    await insertDelivery(tx, {
      event_id: id,
      intent_id: intent.id,
      type,
      payload: JSON.stringify(event),
      created_at: now,
      next_at: nextAt,
    });
  }
}
