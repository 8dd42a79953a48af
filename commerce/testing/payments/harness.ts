/**
 * Payments and the sandbox provider in one host, joined by a network that tests can break. Wall time is moved by hand;
 * nothing sleeps.
 */
import type { Call } from "@isomer/kernel/contract";
import { contract } from "@isomer/kernel/contract";
import { Gateway } from "@isomer/kernel/gateway";
import { promptEventLoop } from "@isomer/kernel/guard";
import { Metrics, Tracer } from "@isomer/kernel/observe";
import { type HttpRequest, type HttpResponse, Host, defineSystem, implement, subscribe } from "@isomer/kernel/runtime";
import { type Clock, defineFault, silentLogger } from "@isomer/kernel/std";
import { openWorld } from "@isomer/kernel/node";
import { type PaymentView, payments } from "../../payments/contract.ts";
import paymentsService from "../../payments/service.ts";
import type { LedgerRow, PaymentRow } from "../../payments/tables.ts";
import { type Intent, SIGNATURE_HEADER } from "../../sandboxpay/contract.ts";
import sandboxService from "../../sandboxpay/service.ts";

const BASE = "http://shop.test";
const API_KEY = "sk_test_123456789";
/** The secret that the provider signs with now. */
export const SECRET = "whsec_new_secret";

/** What the network does to requests to the provider: `lostRequest` never arrives, `lostAnswer` arrives. */
export type Network = "up" | "lostRequest" | "lostAnswer";

/** An event of payments, as a subscriber saw it. */
export interface Seen {
  readonly type: string;
  readonly data: { readonly paymentId: string; readonly amount: { readonly amount: number } };
}

/** A webhook that the provider sent. */
export interface Webhook {
  readonly body: string;
  readonly signature: string;
}

const Down = defineFault({ code: "test/network-down", kind: "unavailable", message: () => "The network is down." });

/** Other services of the shop, as far as payments care: they may call it, and one hears its events. */
function neighbours(seen: Seen[]) {
  const hear = subscribe<Record<never, never>>();
  const listen = Object.values(payments.events).map((event) =>
    hear(event as typeof payments.events.authorized, async ({ type, data }) => {
      seen.push({ type, data });
    }),
  );
  const make = (name: "checkout" | "orders" | "shipping") =>
    implement()(contract(name, { version: "1.0.0" }), {
      uses: [payments],
      commands: {},
      queries: {},
      ...(name === "checkout" ? { on: listen } : {}),
    });
  return [make("checkout"), make("orders"), make("shipping")];
}

/** The real clock with a wall time that tests move. */
class MovedClock implements Clock {
  readonly #clock: Clock;
  #offsetMs = 0;
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  now(): number {
    return this.#clock.now() + this.#offsetMs;
  }
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }
  after: Clock["after"] = (delayMs, action) => this.#clock.after(delayMs, action);
  soon: Clock["soon"] = (action) => this.#clock.soon(action);
  move(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** A running pair. */
export class Pair {
  /** How requests to the provider fare. */
  network: Network = "up";
  /** Keeps webhooks in `held` instead of delivering them. */
  holdsWebhooks = false;
  readonly held: Webhook[] = [];
  /** Requests that reached the provider, as `POST /payment_intents`. */
  readonly asked: string[] = [];
  readonly seen: Seen[] = [];
  /** Runs before a request reaches the provider: to do things at just that moment. */
  beforeRequest: ((request: HttpRequest) => Promise<void>) | undefined;
  #host: Host | undefined;
  #gateway: Gateway | undefined;
  readonly #clock: MovedClock;
  readonly #open: ReturnType<typeof openWorld>;

  private constructor() {
    this.#open = openWorld({ dataFolder: ":memory:", log: silentLogger, relaxed: true });
    this.#clock = new MovedClock(this.#open.world.clock);
  }

  /** Starts both services. */
  static async start(): Promise<Pair> {
    const pair = new Pair();
    const world = {
      ...pair.#open.world,
      clock: pair.#clock,
      fetch: (request: HttpRequest) => pair.#fetch(request),
      // Whatever else this machine does, nothing is shed here.
      eventLoop: promptEventLoop,
    };
    const system = defineSystem({
      name: "payments test",
      services: [paymentsService, sandboxService, ...neighbours(pair.seen)],
      roles: { admin: ["payments.read", "payments.manage"] },
    });
    pair.#host = await Host.start({ system, world, jobs: false, settings: SETTINGS });
    const { host } = pair;
    pair.#gateway = new Gateway({
      contracts: system.contracts,
      info: { title: "test", version: "1" },
      invoke: ({ key, identity, signal, ...call }) =>
        host.invoke({
          ...call,
          ...(key === undefined ? {} : { key }),
          ...(identity === undefined ? {} : { identity }),
          ...(signal === undefined ? {} : { signal }),
        }),
      clock: pair.#clock,
      random: world.random,
      eventLoop: world.eventLoop,
      tracer: new Tracer({ clock: world.clock, random: world.random }),
      metrics: new Metrics(),
      log: silentLogger,
    });
    return pair;
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error("not started");
    return this.#host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
    this.#open.close();
  }

  /** Moves wall time on. */
  move(ms: number): void {
    this.#clock.move(ms);
  }

  /** A call by a service of the shop. */
  async call<Output>(caller: string, call: Call<string, Output>, key = this.#open.world.ids.next()): Promise<Output> {
    const reply = await this.host.transport.send({
      ...call,
      key,
      clientKey: false,
      attempt: 1,
      deadlineAt: this.#clock.monotonicMs() + 10_000,
      caller,
      identity: undefined,
      trace: undefined,
      criticality: "critical",
      signal: undefined,
    });
    return reply.output as Output;
  }

  /** Makes a payment; its id. */
  async create(token: string, amount = 1_000): Promise<string> {
    const paymentId = this.#open.world.ids.next();
    const input = { paymentId, orderId: `o-${paymentId}`, amount: { amount, currency: "EUR" }, customer: "ada" };
    await this.call("checkout", payments.create({ ...input, checkoutId: `c-${paymentId}`, method: { token } }));
    return paymentId;
  }

  authorise(paymentId: string, key?: string): Promise<PaymentView> {
    return this.call("checkout", payments.authorise({ paymentId }), key);
  }

  /** Makes a payment and has it authorised; its id. */
  async authorised(token = "tok_success", amount = 1_000): Promise<string> {
    const paymentId = await this.create(token, amount);
    await this.authorise(paymentId);
    return paymentId;
  }

  capture(paymentId: string, amount?: number): Promise<PaymentView> {
    const part = amount === undefined ? {} : { amount: { amount, currency: "EUR" } };
    return this.call("checkout", payments.capture({ paymentId, ...part }));
  }

  refund(paymentId: string, refundId: string, amount: number): Promise<PaymentView> {
    const input = { paymentId, refundId, amount: { amount, currency: "EUR" }, reason: "test" };
    return this.call("orders", payments.refund(input));
  }

  cancel(paymentId: string) {
    return this.call("checkout", payments.cancel({ paymentId, reason: "test" }));
  }

  get(paymentId: string): Promise<PaymentView> {
    return this.call("orders", payments.get({ paymentId }));
  }

  ledger(paymentId: string) {
    return this.call("orders", payments.ledger({ paymentId }));
  }

  /** The sums of the provider's own books for a payment. */
  async providerSums(paymentId: string): Promise<Record<string, number>> {
    const { output } = await this.host.invoke({
      service: "sandboxpay",
      operation: "ledger",
      input: { apiKey: API_KEY, paymentId, limit: 100 },
    });
    const sums: Record<string, number> = {};
    for (const { kind, amount } of (output as { items: { kind: string; amount: number }[] }).items) {
      sums[kind] = (sums[kind] ?? 0) + amount;
    }
    return sums;
  }

  /** What the provider has of the customer's, held or taken. */
  async providerKeeps(paymentId: string): Promise<number> {
    const sums = await this.providerSums(paymentId);
    const { authorize = 0, release = 0, refund = 0, refund_failed = 0 } = sums;
    return authorize - release - refund + refund_failed;
  }

  /** What the customer does on the bank's page. */
  async answerChallenge(paymentId: string, outcome: "approve" | "fail"): Promise<void> {
    const { redirectUrl = "" } = await this.get(paymentId);
    const intentId = redirectUrl.slice(redirectUrl.lastIndexOf("/") + 1);
    await this.host.invoke({ service: "sandboxpay", operation: "answerChallenge", input: { intentId, outcome } });
  }

  /** The provider decides what is due, and sends its webhooks. */
  async deliver(): Promise<void> {
    await this.host.runJob("sandboxpay", "settle");
    await this.host.runJob("sandboxpay", "deliverWebhooks");
  }

  /** Payments looks at what is due. */
  async reconcile(): Promise<void> {
    await this.host.runJob("payments", "processWebhooks");
    await this.host.runJob("payments", "reconcile");
  }

  /** The types of events of a payment, in order. */
  async eventsOf(paymentId: string): Promise<string[]> {
    await this.host.idle();
    return this.seen.filter(({ data }) => data.paymentId === paymentId).map(({ type }) => type);
  }

  /** A request to the gateway from outside. */
  async http(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<HttpResponse> {
    const [pathname = "", query = ""] = path.split("?");
    const response = await this.#requireGateway().handle({
      method,
      path: pathname,
      query,
      headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
      body,
      remoteAddress: "127.0.0.1",
    });
    const text = typeof response.body === "string" ? response.body : "";
    return { status: response.status, headers: response.headers, body: text };
  }

  /** Posts a webhook as the provider would. */
  post({ body, signature }: Webhook): Promise<HttpResponse> {
    const headers = { "content-type": "application/json", [SIGNATURE_HEADER]: signature };
    return this.http("POST", "/v1/webhooks/payments", headers, body);
  }

  /** Rows of payments, straight from the database. */
  async rows<R = PaymentRow>(sql: string, ...parameters: string[]): Promise<R[]> {
    const database = this.host.databases().get("payments");
    if (database === undefined) throw new Error("no database");
    return database.read({ label: "test" }, (connection) => connection.all<R>(sql, parameters));
  }

  /** The facts known of a payment, without what differs between two equal payments: ids. */
  async facts(paymentId: string): Promise<string[]> {
    const rows = await this.rows<LedgerRow>("SELECT * FROM payment_ledger WHERE payment_id = ?", paymentId);
    return rows.map(({ kind, phase, amount }) => `${kind} ${phase} ${amount}`).toSorted();
  }

  #requireGateway(): Gateway {
    if (this.#gateway === undefined) throw new Error("not started");
    return this.#gateway;
  }

  async #fetch(request: HttpRequest): Promise<HttpResponse> {
    const path = request.url.slice(BASE.length);
    const { method, headers = {}, body } = request;
    if (path.startsWith("/v1/webhooks/")) {
      const webhook = { body: body ?? "", signature: headers[SIGNATURE_HEADER] ?? "" };
      if (!this.holdsWebhooks) return this.post(webhook);
      this.held.push(webhook);
      return { status: 200, headers: {}, body: "" };
    }
    await this.beforeRequest?.(request);
    if (this.network === "lostRequest") throw Down.with(undefined);
    const { network } = this;
    this.asked.push(
      `${method} ${path
        .slice("/sandbox/pay".length)
        .replace(/pi_[\w-]+/, ":id")
        .replace(/\?.*/, "?")}`,
    );
    const response = await this.http(method, path, headers, body);
    if (network === "lostAnswer") throw Down.with(undefined);
    return response;
  }
}

const SETTINGS = {
  payments: { providerUrl: BASE, apiKey: API_KEY, webhookSecrets: ["whsec_old_secret", SECRET] },
  sandboxpay: {
    publicUrl: BASE,
    apiKeys: [API_KEY],
    webhookUrl: `${BASE}/v1/webhooks/payments`,
    webhookSecret: SECRET,
    webhookCopies: 2,
    longDelayMs: 20_000,
  },
};

/** The intent in a webhook. */
export function intentIn({ body }: Webhook): Intent {
  return (JSON.parse(body) as { data: { object: Intent } }).data.object;
}
