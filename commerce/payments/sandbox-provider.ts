/** The sandbox provider behind the provider port: JSON over HTTP, an API key, idempotency keys. */
import type { HttpRequest, HttpResponse } from "@isomer/kernel/runtime";
import { validator } from "@isomer/kernel/schema";
import { isFault } from "@isomer/kernel/std";
import { API_KEY_HEADER, Intent, WebhookEvent } from "../sandboxpay/contract.ts";
import type {
  AuthoriseRequest,
  MovementRequest,
  PaymentProvider,
  ProviderAnswer,
  ProviderEvent,
  ProviderIntent,
} from "./provider.ts";

/** Time kept back from a call's deadline to record what came of it, in milliseconds. */
const RECORD_MS = 1_000;

/** What the adapter needs of a handler's context. */
export interface ProviderAccess {
  fetch(request: HttpRequest): Promise<HttpResponse>;
  remainingMs(): number;
  readonly settings: { readonly providerUrl: string; readonly apiKey: string; readonly providerTimeoutMs?: number };
}

const intentOf = validator(Intent, "answer of the payment provider");
const eventOf = validator(WebhookEvent, "webhook of the payment provider");

/** The adapter: made for each call, holds nothing. */
export class SandboxProvider implements PaymentProvider {
  readonly #access: ProviderAccess;

  constructor(access: ProviderAccess) {
    this.#access = access;
  }

  authorise(request: AuthoriseRequest): Promise<ProviderAnswer> {
    const { paymentId, orderId, amount, currency, token, returnUrl } = request;
    const body = { amount, currency, token, confirm: true, returnUrl, metadata: { paymentId, orderId } };
    return this.#post("/payment_intents", body, `${paymentId}:authorise`);
  }

  capture({ paymentId, intentId, ref, amount }: MovementRequest): Promise<ProviderAnswer> {
    const body = { amount, reference: ref };
    return this.#post(`/payment_intents/${encodeURIComponent(intentId)}/capture`, body, `${paymentId}:capture:${ref}`);
  }

  cancel({ intentId }: { intentId: string }): Promise<ProviderAnswer> {
    // Without a key: cancelling twice is cancelling once anyway, and with a key a refusal of today would be
    // replayed tomorrow, when the intent has become cancellable.
    return this.#post(`/payment_intents/${encodeURIComponent(intentId)}/cancel`, {}, undefined);
  }

  refund({ paymentId, intentId, ref, amount }: MovementRequest): Promise<ProviderAnswer> {
    return this.#post("/refunds", { intentId, amount, reference: ref }, `${paymentId}:refund:${ref}`);
  }

  async find({ paymentId, intentId }: { paymentId: string; intentId: string | undefined }): Promise<ProviderAnswer> {
    if (intentId !== undefined) {
      return this.#read(
        await this.#ask({ method: "GET", url: `/payment_intents/${encodeURIComponent(intentId)}` }),
        one,
      );
    }
    const url = `/payment_intents?paymentId=${encodeURIComponent(paymentId)}`;
    return this.#read(await this.#ask({ method: "GET", url }), firstOfList);
  }

  async #post(url: string, body: unknown, key: string | undefined): Promise<ProviderAnswer> {
    const headers = { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) };
    return this.#read(await this.#ask({ method: "POST", url, headers, body: JSON.stringify(body) }), one);
  }

  async #ask(request: HttpRequest): Promise<HttpResponse | string> {
    const { settings } = this.#access;
    const timeoutMs = Math.min(settings.providerTimeoutMs ?? 3_000, this.#access.remainingMs() - RECORD_MS);
    if (timeoutMs <= 0) return "no time left to ask";
    const url = `${settings.providerUrl}/sandbox/pay${request.url}`;
    const headers = { ...request.headers, [API_KEY_HEADER]: settings.apiKey };
    try {
      return await this.#access.fetch({ ...request, url, headers, timeoutMs });
    } catch (error) {
      // A bug of ours (a call inside a transaction, say) must not pass for a provider that is silent.
      if (!isFault(error) || error.kind === "broken") throw error;
      return error.code;
    }
  }

  #read(response: HttpResponse | string, intentIn: (body: unknown) => unknown): ProviderAnswer {
    if (typeof response === "string") return { kind: "unknown", reason: response };
    const { status } = response;
    const body = parseJson(response.body);
    if (status >= 200 && status < 300) {
      const found = intentIn(body);
      if (found === undefined) return { kind: "missing" };
      return intentOf.check(found)
        ? { kind: "intent", intent: toProviderIntent(found) }
        : { kind: "unknown", reason: "an answer in another form" };
    }
    if (status === 404) return { kind: "missing" };
    const { code = `status ${status}`, detail = "" } = (body ?? {}) as { code?: string; detail?: string };
    if (status >= 500 || RETRIED.has(status) || code === "kernel/key-in-flight")
      return { kind: "unknown", reason: code };
    return { kind: "refused", code, message: detail };
  }
}

/**
 * Our credentials, request timeout, too early, too many requests: mended or repeated later, it may succeed. A wrong API
 * key is an operator's mistake, and must not decline the customer's card.
 */
const RETRIED: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

function one(body: unknown): unknown {
  return body ?? null;
}

/** Of several intents of one payment the one that holds money matters; there is more than one only by a bug. */
function firstOfList(body: unknown): unknown {
  const items = (body as { items?: { amountAuthorized?: number }[] } | null)?.items;
  if (!Array.isArray(items)) return null;
  return items.find((intent) => (intent.amountAuthorized ?? 0) > 0) ?? items[0];
}

/**
 * Reads a webhook that was verified. Undefined when it is no event of the provider's; its `intent` is undefined when
 * the event is about something that we do not know.
 */
export function readEvent(payload: string): ProviderEvent | undefined {
  const body = parseJson(payload);
  if (eventOf.check(body)) return { id: body.id, type: body.type, intent: toProviderIntent(body.data.object) };
  const { id, type } = (body ?? {}) as { id?: unknown; type?: unknown };
  if (typeof id !== "string" || typeof type !== "string" || id === "" || id.length > 200) return undefined;
  return { id, type: type.slice(0, 100), intent: undefined };
}

/** The provider's object in the words of the port. */
export function toProviderIntent(intent: Intent): ProviderIntent {
  const movement = ({ id, reference, amount, status }: Intent["captures"][number]) => ({
    ref: reference ?? id,
    amount,
    status,
  });
  return {
    id: intent.id,
    paymentId: intent.metadata.paymentId ?? "",
    status: intent.status,
    amount: intent.amount,
    currency: intent.currency,
    authorized: intent.amountAuthorized,
    released: intent.released,
    captures: intent.captures.map(movement),
    refunds: intent.refunds.map(movement),
    declineCode: intent.lastError?.code,
    actionUrl: intent.nextAction?.redirectUrl,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
