/** Facts from a snapshot of the provider's: the same snapshot always gives the same facts. */
import type { Fact } from "./domain.ts";
import type { ProviderIntent, ProviderMovement } from "./provider.ts";

/** All facts that a snapshot tells. A newer snapshot tells at least what matters of an older one. */
export function factsOf(intent: ProviderIntent): Fact[] {
  const facts: Fact[] = [];
  const authorize = (phase: Fact["phase"], detail = ""): void => {
    facts.push({ kind: "authorize", phase, ref: intent.id, amount: intent.amount, detail });
  };
  if (intent.status === "requires_action") authorize("action", intent.actionUrl ?? "");
  if (intent.status === "processing") authorize("pending");
  if (intent.status === "requires_payment_method" && intent.declineCode !== undefined) {
    authorize("failure", intent.declineCode);
  }
  if (intent.authorized > 0) {
    facts.push({ kind: "authorize", phase: "success", ref: intent.id, amount: intent.authorized, detail: "" });
  }
  if (intent.status === "canceled" || intent.released) {
    facts.push({ kind: "void", phase: "success", ref: intent.id, amount: 0, detail: "" });
  }
  for (const capture of intent.captures) facts.push(movement("capture", capture));
  for (const refund of intent.refunds) facts.push(movement("refund", refund));
  return facts;
}

const PHASES = { pending: "request", succeeded: "success", failed: "failure" } as const;

function movement(kind: "capture" | "refund", { ref, amount, status }: ProviderMovement): Fact {
  return { kind, phase: PHASES[status], ref, amount, detail: "" };
}
