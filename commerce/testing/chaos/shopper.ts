/** A buyer who does not give up: repeats every request with its key until somebody answers, and then believes it. */
import type { Answer, Ask, ShopClient } from "../client.ts";
import { type Checkout, type Purchase, Refused, buy } from "../flow.ts";

/** What came of a purchase, as the buyer was told. */
export type Told =
  | {
      readonly kind: "placed";
      readonly orderId: string;
      readonly checkoutId: string;
      readonly buyer: ShopClient;
      /** Where the order stood when its buyer, who had called it off, looked last. */
      readonly calledOff?: string;
    }
  | {
      readonly kind: "refused";
      readonly code: string;
      readonly status: number;
      readonly checkoutId: string | undefined;
    };

/** What a crowd of buyers has seen. */
export interface Seen {
  requests: number;
  /** Requests that were sent again. */
  repeats: number;
  /** Requests that got no answer at all. */
  cut: number;
  /** Answers that came from the record. */
  replayed: number;
  inFlight: number;
  /** Requests that were sent twice at once, with one key. */
  doubled: number;
  /** 500s, and answers to one key that contradict one another: there must be none. */
  readonly broken: string[];
}

/** Nothing yet. */
export function nothingSeen(): Seen {
  return { requests: 0, repeats: 0, cut: 0, replayed: 0, inFlight: 0, doubled: 0, broken: [] };
}

const PAUSE_MS = 100;
/** How long one request may take, over all repetitions. */
const PATIENCE_MS = 120_000;

/** What the shop asks for, where it could. Spread, so that those who were turned away together do not return together. */
function retryAfterMs(answer: Answer | Error): number {
  const seconds = answer instanceof Error ? 0 : Number(answer.headers["retry-after"] ?? 0);
  return seconds === 0 ? PAUSE_MS : seconds * 1_000 * (0.5 + Math.random());
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a request until it is answered for good: commands with one key all the time. */
export type PersistentSend = (client: ShopClient, method: string, path: string, ask: Ask) => Promise<Answer>;

/** Sends commands for which `twice` says so two times at once, and sees to it that both are told the same. */
export function persistent(seen: Seen, twice: () => boolean = () => false): PersistentSend {
  const once = onceFor(seen);
  return async (client, method, path, ask) => {
    if (ask.key === undefined || !twice()) return once(client, method, path, ask);
    seen.doubled += 1;
    const [first, second] = await Promise.all([once(client, method, path, ask), once(client, method, path, ask)]);
    if (!isOpen(first) && !isOpen(second) && gist(first) !== gist(second))
      seen.broken.push(`${method} ${path} twice: ${gist(first)} and ${gist(second)}`);
    return second;
  };
}

/** Whether an answer says that the end is not known yet: the other may have heard of it. */
function isOpen({ body }: Answer): boolean {
  const { status } = (body ?? {}) as Record<string, unknown>;
  return status === "completing" || status === "requires_action";
}

/** What two answers to one key must have in common: a later one may tell newer news of the same thing. */
function gist({ status, body }: Answer): string {
  const { cartId, checkoutId, code } = (body ?? {}) as Record<string, unknown>;
  return JSON.stringify({ status, cartId, checkoutId, code });
}

function onceFor(seen: Seen): PersistentSend {
  return async (client: ShopClient, method: string, path: string, ask: Ask): Promise<Answer> => {
    const givenUpAt = performance.now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt += 1) {
      seen.requests += 1;
      if (attempt > 1) seen.repeats += 1;
      const answer = await client.ask(method, path, ask).catch((error: unknown) => error as Error);
      if (answer instanceof Error) seen.cut += 1;
      else {
        if (answer.headers["idempotent-replayed"] === "true") seen.replayed += 1;
        if (answer.status === 500) seen.broken.push(`${method} ${path}: ${JSON.stringify(answer.body)}`);
        const busy = answer.status === 409 && answer.body?.code === "kernel/key-in-flight";
        if (busy) seen.inFlight += 1;
        if (!busy && answer.status < 500 && answer.status !== 429) return answer;
      }
      if (performance.now() > givenUpAt) throw new Error(`${method} ${path} was never answered.`, { cause: answer });
      await pause(retryAfterMs(answer));
    }
  };
}

/** A purchase of somebody. */
export interface Wish extends Purchase {
  readonly name: string;
  /** What the buyer does on the bank's page, when asked. */
  readonly approves?: boolean;
  /** Whether the order is called off as soon as it is placed. */
  readonly regrets?: boolean;
  /** Whether paying is asked for a second time at once, with a key of its own: an impatient buyer. */
  readonly hurries?: boolean;
}

/** Buys as a guest and waits until it is known what came of it. */
export async function shopFor(client: ShopClient, wish: Wish, send: PersistentSend): Promise<Told> {
  const session = await send(client, "POST", "/v1/guests", { body: {}, key: `${wish.name}-guest` });
  if (session.status !== 201) throw new Refused("POST /v1/guests", session);
  const guest = client.as((session.body as { accessToken: string }).accessToken);
  let checkoutId: string | undefined;
  const noting = async (...[as, method, path, ask]: Parameters<PersistentSend>): Promise<Answer> => {
    if (wish.hurries === true && path.endsWith("/complete")) {
      // Either may win, and the other be told so: what came of it is what the checkout says when both are answered.
      await Promise.all([send(as, method, path, ask), send(as, method, path, { ...ask, key: `${ask.key}-hurry` })]);
      return await send(as, "GET", path.slice(0, -"/complete".length), {});
    }
    const answer = await send(as, method, path, ask);
    if (path === "/v1/checkouts" && answer.status < 400)
      checkoutId = (answer.body as { checkoutId: string }).checkoutId;
    return answer;
  };
  try {
    const bought = await buy(guest, wish, noting);
    const told = await outcomeOf(guest, bought.checkoutId, bought.checkout, { wish, send });
    return wish.regrets === true && told.kind === "placed"
      ? { ...told, calledOff: await callOff(told, wish, send) }
      : told;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { status, body } = error.answer;
    return { kind: "refused", status, code: String(body?.code), checkoutId };
  }
}

/** Calls an order off, and waits until it is, or has left the house before. */
async function callOff(told: Extract<Told, { kind: "placed" }>, wish: Wish, send: PersistentSend): Promise<string> {
  const path = `/v1/orders/${told.orderId}`;
  await send(told.buyer, "POST", `${path}/cancel`, { body: { reason: "regret" }, key: `${wish.name}-cancel` });
  const givenUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const { body } = await send(told.buyer, "GET", path, {});
    if (body.lifecycle !== "cancelling") return String(body.lifecycle);
    if (performance.now() > givenUpAt) throw new Error(`Order ${told.orderId} stays cancelling.`);
    await pause(PAUSE_MS);
  }
}

async function outcomeOf(
  client: ShopClient,
  checkoutId: string,
  first: Checkout,
  { wish, send }: { readonly wish: Wish; readonly send: PersistentSend },
): Promise<Told> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  let asked = false;
  for (let checkout = first; ;) {
    const { status, orderId, redirectUrl } = checkout;
    if (status === "completed" && orderId !== undefined) {
      return { kind: "placed", orderId, checkoutId, buyer: client };
    }
    if (status === "open" || status === "cancelled" || status === "expired") {
      const problem = (checkout as { problem?: { code: string } }).problem;
      return { kind: "refused", status: 200, code: problem?.code ?? status, checkoutId };
    }
    if (status === "requires_action" && redirectUrl !== undefined && wish.approves !== undefined && !asked) {
      asked = true;
      const outcome = wish.approves ? "approve" : "fail";
      await send(client, "POST", new URL(redirectUrl).pathname, { body: { outcome }, key: `${wish.name}-3ds` });
    }
    if (performance.now() > givenUpAt) throw new Error(`Checkout ${checkoutId} stays ${status}.`);
    await pause(PAUSE_MS);
    checkout = (await send(client, "GET", `/v1/checkouts/${checkoutId}`, {})).body as Checkout;
  }
}

/** How a crowd shops. */
export interface CrowdOptions {
  /** How many shop at a time. */
  readonly width: number;
  readonly send: PersistentSend;
  /** Told of each purchase that is over, in order. */
  readonly served: (told: Told, wish: Wish) => void;
}

/** Lets buyers shop; resolves when all are served. */
export async function crowd(
  client: ShopClient,
  wishes: readonly Wish[],
  { width, send, served }: CrowdOptions,
): Promise<void> {
  let next = 0;
  const buyer = async (): Promise<void> => {
    for (let wish = wishes[next++]; wish !== undefined; wish = wishes[next++])
      served(await shopFor(client, wish, send), wish);
  };
  await Promise.all(Array.from({ length: width }, buyer));
}
