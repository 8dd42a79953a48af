/** What a comparison of contracts says, as text for people. */
import { type Change, type Order, verdictOf } from "./change.ts";
import type { ContractPlan } from "./plan.ts";

const ORDERS: Readonly<Record<Order, string>> = {
  any: "any order",
  "owner-first": "the service first",
  "users-first": "its users first",
  "side-by-side": "side by side",
};

/** The text, with a last line that says what it comes to. */
export function contractReport(plan: ContractPlan): string {
  const lines: string[] = [];
  for (const change of plan.changes) lines.push(...linesOf(change));
  if (plan.precedences.length > 0) {
    lines.push("", "Order of deployment:");
    for (const { first, second, because } of plan.precedences)
      lines.push(`  ${first} before ${second} (${because.join(", ")})`);
  }
  if (plan.steps.length > 1) lines.push(`  in steps: ${plan.steps.map((step) => step.join(", ")).join(" | ")}`);
  if (plan.circular.length > 0)
    lines.push(
      `  ${plan.circular.join(", ")} would each have to be first: deploy part of their changes before the rest.`,
    );
  lines.push(...(lines.length === 0 ? [] : [""]), CONCLUSIONS[plan.verdict]);
  return lines.join("\n");
}

const CONCLUSIONS: Readonly<Record<ContractPlan["verdict"], string>> = {
  compatible: "Compatible: old and new builds understand one another. Deploy in any order.",
  ordered: "Compatible when deployed in this order.",
  breaking: "Breaking: no order of deployment avoids failures.",
};

function linesOf({ at, part, what, order, affects, advice }: Change): readonly string[] {
  const whom = affects.length === 0 ? "" : ` [${affects.join(", ")}]`;
  const head = `${verdictOf(order).padEnd(10)} ${at} ${part}: ${ORDERS[order]}${whom}`;
  return [head, `           ${what}`, ...(advice === undefined ? [] : [`           ${advice}`])];
}
