/** What the subjects of the wire's benchmark have in common: question, answer, certificates. */
import { TestAuthority, TestIdentity } from "../../kernel/src/node/wire/testing/authority.ts";

/** How many calls are under way at once. */
export const CALLS_AT_ONCE = 64;

/** What is asked. */
export interface Question {
  readonly orderId: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly price: number }[];
}

/** What is answered. */
export interface Answer {
  readonly orderId: string;
  readonly total: number;
  readonly currency: string;
}

/** The question of all subjects. */
export const question: Question = {
  orderId: "0190a9b0-0000-7000-8000-000000000000",
  lines: [
    { sku: "MUG-BLUE-L", quantity: 2, price: 1_499 },
    { sku: "TENT-2P-GREEN", quantity: 1, price: 4_999 },
    { sku: "LAMP-S", quantity: 1, price: 1_000 },
  ],
};

/** The work of all subjects. */
export function answerTo({ orderId, lines }: Question): Answer {
  let total = 0;
  for (const { quantity, price } of lines) total += quantity * price;
  return { orderId, total, currency: "EUR" };
}

/** What else travels with a call, in each subject's own way: a user's token and a trace. */
export const USER_TOKEN = `${"e".repeat(36)}.${"p".repeat(300)}.${"s".repeat(86)}`;
export const TRACE = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  sampled: true,
} as const;
export const TRACEPARENT = `00-${TRACE.traceId}-${TRACE.spanId}-01`;

/** Certificates of both sides. */
export interface Secrets {
  readonly caller: ReturnType<TestAuthority["issue"]>;
  readonly callee: ReturnType<TestAuthority["issue"]>;
}

/** Makes the certificates. */
export function secretsOf(): Secrets {
  const authority = new TestAuthority();
  const secrets = { caller: authority.issue("service/caller"), callee: authority.issue("service/callee") };
  authority.close();
  return secrets;
}

/** An identity of one workload. */
export function identityOf(path: string, credentials: Secrets["caller"]): TestIdentity {
  return new TestIdentity(new Map([[path, credentials]]));
}
