/**
 * Shipping, inventory and the sandbox carrier in one host, joined by a network that tests can break; orders are played
 * by the test. Wall time is moved by hand; nothing sleeps.
 */
import { type Call, type Identity, command, contract, services } from "@isomer/kernel/contract";
import { Gateway } from "@isomer/kernel/gateway";
import { promptEventLoop } from "@isomer/kernel/guard";
import { Metrics, Tracer } from "@isomer/kernel/observe";
import { type HttpRequest, type HttpResponse, Host, defineSystem, implement, subscribe } from "@isomer/kernel/runtime";
import { t } from "@isomer/kernel/schema";
import { type Clock, defineFault, silentLogger } from "@isomer/kernel/std";
import { openWorld } from "../../../kernel/src/node/world.ts";
import { inventory } from "../../inventory/contract.ts";
import inventoryService from "../../inventory/service.ts";
import { orders } from "../../orders/contract.ts";
import { SIGNATURE_HEADER } from "../../sandboxship/contract.ts";
import carrierService from "../../sandboxship/service.ts";
import { type Shipment, shipping } from "../../shipping/contract.ts";
import shippingService from "../../shipping/service.ts";

const BASE = "http://shop.test";
const API_KEY = "ck_test_123456789";
/** The secret that the carrier signs with. */
export const SECRET = "whsec_carrier_secret";
/** Somebody who packs parcels. */
export const PACKER: Identity = { subject: "petra", roles: ["warehouse"], guest: false };
/** How long a parcel takes from step to step. */
export const STEP_MS = 1_000;

/** What the network does to requests to the carrier: `lostRequest` never arrives, `lostAnswer` arrives. */
export type Network = "up" | "lostRequest" | "lostAnswer";

/** An event of shipping, as a subscriber saw it. */
export interface Seen {
  readonly type: string;
  readonly data: { readonly orderId: string; readonly status?: string };
}

/** A webhook that the carrier sent. */
export interface Webhook {
  readonly body: string;
  readonly signature: string;
}

const Down = defineFault({ code: "test/network-down", kind: "unavailable", message: () => "The network is down." });

/** Plays orders: says what a test tells it to, and hears what shipping says. */
const stage = contract("orders", {
  version: "1.0.0",
  commands: {
    tell: command({
      input: t.object({ type: t.oneOf(["placed", "held", "resumed"]), data: t.unknown() }),
      output: t.object({}),
      allow: [services("checkout")],
    }),
  },
  events: {
    placed: orders.events.placed.definition,
    held: orders.events.held.definition,
    resumed: orders.events.resumed.definition,
  } as unknown as Record<"placed" | "held" | "resumed", typeof orders.events.held.definition>,
});

function neighbours(seen: Seen[]) {
  const hear = subscribe<Record<never, never>>();
  const on = Object.values(shipping.events).map((event) =>
    hear(event as typeof shipping.events.shipmentReady, async ({ type, data }) => {
      seen.push({ type, data });
    }),
  );
  const ordersService = implement()(stage, {
    uses: [inventory, shipping],
    commands: {
      tell: ({ type, data }, ctx) =>
        ctx.transaction(async (tx) => {
          await tx.emit(stage.events[type], data as never);
          return {};
        }),
    },
    queries: {},
    on,
  });
  const checkout = implement()(contract("checkout", { version: "1.0.0" }), {
    uses: [inventory, stage],
    commands: {},
    queries: {},
  });
  return [ordersService, checkout];
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

/** A running warehouse. */
export class Depot {
  /** How requests to the carrier fare. */
  network: Network = "up";
  /** Keeps webhooks in `held` instead of delivering them. */
  holdsWebhooks = false;
  readonly held: Webhook[] = [];
  readonly seen: Seen[] = [];
  /** Runs before a request reaches the carrier: to do things at just that moment. */
  beforeRequest: ((request: HttpRequest) => Promise<void>) | undefined;
  readonly host: Host;
  readonly #gateway: Gateway;
  readonly #clock: MovedClock;
  readonly #open: ReturnType<typeof openWorld>;
  #orders = 0;

  private constructor(host: Host, gateway: Gateway, clock: MovedClock, open: ReturnType<typeof openWorld>) {
    this.host = host;
    this.#gateway = gateway;
    this.#clock = clock;
    this.#open = open;
  }

  /** Starts the services, with ten pieces of everything on the shelf. */
  static async start(settings: { readonly autoShip?: boolean; readonly webhookCopies?: number } = {}): Promise<Depot> {
    const { autoShip = false, webhookCopies = 2 } = settings;
    const seen: Seen[] = [];
    const system = defineSystem({
      name: "shipping test",
      services: [shippingService, inventoryService, carrierService, ...neighbours(seen)],
      roles: { warehouse: ["shipping.manage", "inventory.manage"], customer: [] },
    });
    const open = openWorld({ dataFolder: ":memory:", log: silentLogger, relaxed: true });
    const clock = new MovedClock(open.world.clock);
    let depot: Depot | undefined;
    const fetch = (request: HttpRequest): Promise<HttpResponse> => {
      if (depot === undefined) throw Down.with(undefined);
      return depot.#fetch(request);
    };
    const world = { ...open.world, clock, fetch, eventLoop: promptEventLoop };
    const host = await Host.start({
      system,
      world,
      jobs: false,
      settings: {
        shipping: {
          carrierUrl: BASE,
          apiKey: API_KEY,
          webhookSecrets: ["whsec_old_secret", SECRET],
          autoShip,
          autoShipAfterMs: 5_000,
        },
        sandboxship: {
          apiKeys: [API_KEY],
          webhookUrl: `${BASE}/v1/webhooks/carrier`,
          webhookSecret: SECRET,
          webhookCopies,
          stepMs: STEP_MS,
        },
      },
    });
    const gateway = new Gateway({
      contracts: system.contracts,
      info: { title: "test", version: "1" },
      invoke: ({ key, identity, signal, ...call }) =>
        host.invoke({
          ...call,
          ...(key === undefined ? {} : { key }),
          ...(identity === undefined ? {} : { identity }),
          ...(signal === undefined ? {} : { signal }),
        }),
      clock,
      random: world.random,
      eventLoop: world.eventLoop,
      tracer: new Tracer({ clock, random: world.random }),
      metrics: new Metrics(),
      log: silentLogger,
    });
    depot = new Depot(host, gateway, clock, open);
    (depot as { seen: Seen[] }).seen = seen;
    await depot.invoke(
      inventory.createLocation({ code: "rotterdam", name: "Rotterdam", country: "NL", priority: 1 } as never),
    );
    const lines = [{ sku: "MUG-1", location: "rotterdam", quantity: 10 }];
    await depot.invoke(inventory.receive({ lines, reason: "opening stock" } as never));
    return depot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
    this.#open.close();
  }

  /** Moves wall time on. */
  move(ms: number): void {
    this.#clock.move(ms);
  }

  now(): number {
    return this.#clock.now();
  }

  /** A call by a service of the shop. */
  async call<Output>(caller: string, call: Call<string, Output>): Promise<Output> {
    const reply = await this.host.transport.send({
      ...call,
      key: this.#open.world.ids.next(),
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

  /** A call by a person. */
  async invoke<Output>(call: Call<string, Output>, identity: Identity = PACKER): Promise<Output> {
    const { service, operation, input } = call;
    return (await this.host.invoke({ service, operation, input, identity })).output as Output;
  }

  /** An order with stock allocated for it; not placed yet. */
  async order(quantity = 1): Promise<string> {
    this.#orders += 1;
    const orderId = `order-${this.#orders}`;
    const lines = [{ sku: "MUG-1", quantity }];
    await this.call("checkout", inventory.reserve({ orderId, lines, ttlMs: 60_000 }));
    await this.call("checkout", inventory.commit({ orderId }));
    return orderId;
  }

  /** Tells of an order that was placed, and waits until shipping has heard of it. */
  async place(
    orderId: string,
    to: { readonly postalCode?: string; readonly code?: string; readonly quantity?: number } = {},
  ) {
    const { postalCode = "20457", code = "standard", quantity = 1 } = to;
    const eur = (amount: number) => ({ amount, currency: "EUR" });
    await this.tell("placed", {
      orderId,
      number: "IS-1",
      subject: "ada",
      email: "ada@example.com",
      currency: "EUR",
      lines: [
        {
          lineId: "1",
          sku: "MUG-1",
          productId: "p1",
          title: "Mug",
          quantity,
          unitPrice: eur(1_000),
          discount: eur(0),
          tax: eur(0),
          total: eur(1_000 * quantity),
        },
      ],
      totals: {
        subtotal: eur(1_000 * quantity),
        discount: eur(0),
        shipping: eur(0),
        tax: eur(0),
        total: eur(1_000 * quantity),
      },
      shippingAddress: { name: "Ada Lovelace", line1: "12 Harbour Street", city: "Hamburg", postalCode, country: "DE" },
      shippingOption: { code, label: "Standard", carrier: "Sandbox Post", price: eur(0) },
      paymentId: "p-1",
    });
  }

  /** Says something as orders, and waits until everybody has heard it. */
  async tell(type: "placed" | "held" | "resumed", data: unknown): Promise<void> {
    await this.call("checkout", stage.tell({ type, data }));
    await this.host.idle();
  }

  /** A shipment that is ready to leave. */
  async ready(to: Parameters<Depot["place"]>[1] = {}): Promise<Shipment> {
    const orderId = await this.order(to.quantity ?? 1);
    await this.place(orderId, to);
    await this.tellCarrier();
    return this.shipment(orderId);
  }

  /** The shipment of an order. */
  async shipment(orderId: string): Promise<Shipment> {
    const found = (await this.call("orders", shipping.byOrder({ orderId }))).items[0];
    if (found === undefined) throw new Error(`${orderId} has no shipment.`);
    return found;
  }

  /** Runs the job that asks the carrier. */
  async tellCarrier(): Promise<void> {
    await this.host.runJob("shipping", "tellCarrier");
    await this.host.idle();
  }

  /** The carrier moves its parcels one step on, and tells. */
  async step(): Promise<void> {
    this.move(STEP_MS);
    await this.host.runJob("sandboxship", "moveParcels");
    await this.deliver();
  }

  /** The carrier sends its webhooks. */
  async deliver(): Promise<void> {
    await this.host.runJob("sandboxship", "deliverWebhooks");
    await this.host.idle();
  }

  /** The events of an order, in order, as `type` or `type status`. */
  async eventsOf(orderId: string): Promise<string[]> {
    await this.host.idle();
    return this.seen.filter(({ data }) => data.orderId === orderId).map(({ type }) => type.replace("shipment", ""));
  }

  /** What is on the shelf, and promised. */
  async stock(): Promise<{ onHand: number; allocated: number }> {
    const [level] = await this.rows<{ on_hand: number; allocated: number }>(
      "inventory",
      "SELECT on_hand, allocated FROM level",
    );
    return { onHand: Number(level?.on_hand), allocated: Number(level?.allocated) };
  }

  /** Rows, straight from a database. */
  async rows<R>(service: string, sql: string): Promise<R[]> {
    const database = this.host.databases().get(service);
    if (database === undefined) throw new Error("no database");
    return database.read({ label: "test" }, (connection) => connection.all<R>(sql));
  }

  /** A request to the gateway from outside. */
  async http(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<HttpResponse> {
    const [pathname = "", query = ""] = path.split("?");
    const length = body === undefined ? {} : { "content-length": String(new TextEncoder().encode(body).length) };
    const response = await this.#gateway.handle({
      method,
      path: pathname,
      query,
      headers: { ...headers, ...length },
      body,
      remoteAddress: "127.0.0.1",
    });
    const text = typeof response.body === "string" ? response.body : "";
    return { status: response.status, headers: response.headers, body: text };
  }

  /** Posts a webhook as the carrier would. */
  async post({ body, signature }: Webhook): Promise<HttpResponse> {
    const headers = { "content-type": "application/json", [SIGNATURE_HEADER]: signature };
    return this.http("POST", "/v1/webhooks/carrier", headers, body);
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
    const { network } = this;
    if (network === "lostRequest") throw Down.with(undefined);
    const response = await this.http(method, path, headers, body);
    if (network === "lostAnswer") throw Down.with(undefined);
    return response;
  }
}
