/** The test tokens: what each makes the provider do. They stand for payment methods; no card number exists anywhere. */

/** What comes of confirming an intent with a card. */
export type CardOutcome =
  | { readonly kind: "approve" }
  | { readonly kind: "decline"; readonly code: string }
  | { readonly kind: "action" }
  /** `processing` first; then, after a while, declined with the code, or approved when there is none. */
  | { readonly kind: "later"; readonly delay: "short" | "long"; readonly code?: string };

/** A test token. */
export interface TestCard {
  readonly token: string;
  readonly title: string;
  readonly description: string;
  readonly outcome: CardOutcome;
  /**
   * What happens to the answer; `given` unless said. `lost` is never given, but a look-up finds the intent; `dark` is
   * lost, and look-ups of the intent fail too for a while. The effect happens either way.
   */
  readonly answer?: "lost" | "dark";
  /** Refunds look good at first and fail later. */
  readonly refundsFail?: true;
}

const approve: CardOutcome = { kind: "approve" };

/** All test tokens. */
export const TEST_CARDS: readonly TestCard[] = [
  { token: "tok_success", title: "Success", description: "Authorised at once.", outcome: approve },
  {
    token: "tok_decline",
    title: "Declined",
    description: "Refused by the bank without a reason.",
    outcome: { kind: "decline", code: "generic_decline" },
  },
  {
    token: "tok_insufficient_funds",
    title: "Insufficient funds",
    description: "Refused because there is not enough money on the account.",
    outcome: { kind: "decline", code: "insufficient_funds" },
  },
  {
    token: "tok_expired_card",
    title: "Expired card",
    description: "Refused because the card has expired.",
    outcome: { kind: "decline", code: "expired_card" },
  },
  {
    token: "tok_3ds",
    title: "3-D Secure",
    description: "The customer has to approve on the bank's page; the shop learns the result by webhook.",
    outcome: { kind: "action" },
  },
  {
    token: "tok_processing",
    title: "Processing, then success",
    description: "Answers `processing` and is authorised a moment later, by webhook.",
    outcome: { kind: "later", delay: "short" },
  },
  {
    token: "tok_processing_decline",
    title: "Processing, then declined",
    description: "Answers `processing` and is refused a moment later, by webhook.",
    outcome: { kind: "later", delay: "short", code: "generic_decline" },
  },
  {
    token: "tok_late_success",
    title: "Late success",
    description:
      "Answers `processing` and is authorised when the shop has given up: the shop must let the money go again.",
    outcome: { kind: "later", delay: "long" },
  },
  {
    token: "tok_lost_answer",
    title: "Lost answer",
    description: "Authorised, but the answer is lost; a look-up finds it.",
    outcome: approve,
    answer: "lost",
  },
  {
    token: "tok_timeout",
    title: "Timeout",
    description:
      "Authorised, but the answer is lost and look-ups fail for a while: the outcome is unknown until a webhook or a later look-up tells.",
    outcome: approve,
    answer: "dark",
  },
  {
    token: "tok_timeout_decline",
    title: "Timeout, declined",
    description: "Refused, but the answer is lost and look-ups fail for a while.",
    outcome: { kind: "decline", code: "generic_decline" },
    answer: "dark",
  },
  {
    token: "tok_refund_fails",
    title: "Refund fails",
    description: "Authorised; refunds are accepted and fail later.",
    outcome: approve,
    refundsFail: true,
  },
];

const byToken: ReadonlyMap<string, TestCard> = new Map(TEST_CARDS.map((card) => [card.token, card]));

/** The card of a token; undefined when there is none. */
export function cardOf(token: string): TestCard | undefined {
  return byToken.get(token);
}
