/** What notifications hear, and whom they tell of it. */
import { type EventContext, type Subscription, type Tx, subscribe } from "@isomer/kernel/runtime";
import type { DataOf, EventType } from "@isomer/kernel/contract";
import type { EventRecord } from "@isomer/kernel/events";
import { defineFault } from "@isomer/kernel/std";
import { auth } from "../auth/contract.ts";
import { orders } from "../orders/contract.ts";
import { shipping } from "../shipping/contract.ts";
import { users } from "../users/contract.ts";
import { spoken, tell } from "./compose.ts";
import type { Settings } from "./settings.ts";
import {
  type Tables,
  addContact,
  contactOf,
  dropMessagesOf,
  dropRecipient,
  emptyContacts,
  putRecipient,
  recipientById,
} from "./store.ts";
import type { Locale, TemplateName } from "./templates.ts";

const hear = subscribe<Tables, Settings>();
type Ctx = EventContext<Settings>;
type Recipient = Tables["recipient"];

/** The order of an event was not heard of yet: the event is tried again, until it was. */
const OrderUnheard = defineFault<{ orderId: string }>({
  code: "notifications/order-unheard",
  kind: "unavailable",
  message: ({ orderId }) => `Order ${orderId} was not heard of yet.`,
});

const GERMAN_SPEAKING = new Set(["DE", "AT", "CH", "LI"]);

async function recipientOf(tx: Tx<Tables>, userId: string): Promise<Recipient> {
  const known = await tx.first(recipientById, { userId });
  return known ?? { user_id: userId, email: null, phone: "", locale: null, email_updates: 1, sms_updates: 1 };
}

const languageOf = ({ locale }: Recipient, ctx: Ctx): Locale => spoken(locale) ?? ctx.settings.locale ?? "en";

/** Learns something of somebody. What others said before stays: services are not heard in any order. */
async function learn(tx: Tx<Tables>, userId: string, news: Partial<Recipient>): Promise<void> {
  await tx.run(putRecipient, { ...(await recipientOf(tx, userId)), ...news });
}

type MailEvent = EventType<{ userId: string; email: string; linkId?: string }>;

/** Mails about an account always go out: they guard it. */
function aboutAccount<N extends "verify-email" | "password-reset" | "registration-repeated" | "password-changed">(
  event: EventType,
  template: N,
  page?: { readonly path: string; readonly api: string },
): Subscription<Tables, Settings> {
  return hear(event as MailEvent, async ({ id, data }, tx, ctx) => {
    const { userId, email, linkId } = data;
    const { accountUrl } = ctx.settings;
    const link = {
      page: accountUrl === undefined ? undefined : `${accountUrl}${page?.path ?? ""}`,
      api: page?.api ?? "",
    };
    const locale = languageOf(await recipientOf(tx, userId), ctx);
    await tell(tx, ctx, {
      eventId: id,
      template,
      data: link,
      locale,
      userId,
      email,
      ...(linkId === undefined ? {} : { linkId }),
    });
  }) as Subscription<Tables, Settings>;
}

async function heardOrder({ id, data }: EventRecord<DataOf<typeof orders.events.placed>>, tx: Tx<Tables>, ctx: Ctx) {
  const { orderId, subject, number, email, lines, totals, shippingAddress, shippingOption } = data;
  const buyer = await recipientOf(tx, subject);
  const abroad = GERMAN_SPEAKING.has(shippingAddress.country) ? "de" : (ctx.settings.locale ?? "en");
  const locale = spoken(buyer.locale) ?? abroad;
  const phone = shippingAddress.phone ?? buyer.phone;
  await tx.run(addContact, { order_id: orderId, subject, order_number: number, email, phone, locale });
  const content = { number, lines, totals, address: shippingAddress, option: shippingOption };
  await tell(tx, ctx, { eventId: id, template: "order-placed", data: content, locale, userId: subject, email });
}

/** Whom an order concerns, in the language that they chose since, if they did. */
async function whose(tx: Tx<Tables>, orderId: string) {
  const contact = await tx.first(contactOf, { orderId });
  if (contact === undefined) throw OrderUnheard.with({ orderId });
  const buyer = await recipientOf(tx, contact.subject);
  return { contact, buyer, locale: spoken(buyer.locale) ?? spoken(contact.locale) ?? ("en" as const) };
}

/** News of a parcel come by mail and text, as its buyer likes. */
function aboutParcel(
  event: typeof shipping.events.shipmentShipped,
  template: "shipment-shipped" | "out-for-delivery" | "shipment-delivered",
): Subscription<Tables, Settings> {
  return hear(event, async ({ id, data }, tx, ctx) => {
    const { orderId, carrier, trackingNumber, status } = data;
    if (template === "out-for-delivery" && status !== "out_for_delivery") return;
    const { contact, buyer, locale } = await whose(tx, orderId);
    const url = `${ctx.settings.shopUrl}/v1/tracking/${encodeURIComponent(trackingNumber)}`;
    await tell(tx, ctx, {
      eventId: id,
      template,
      data: { number: contact.order_number, carrier, trackingNumber, url },
      locale,
      userId: contact.subject,
      email: buyer.email_updates === 1 ? contact.email : "",
      phone: buyer.sms_updates === 1 ? contact.phone : "",
    });
  }) as Subscription<Tables, Settings>;
}

function aboutOrder<E extends EventType<{ orderId: string }>, N extends TemplateName & `order-${string}`>(
  event: E,
  template: N,
  dataOf: (data: DataOf<E>) => Parameters<typeof tell<N>>[2]["data"],
): Subscription<Tables, Settings> {
  return hear(event, async ({ id, data }, tx, ctx) => {
    const { orderId } = data as { orderId: string };
    const { contact, locale } = await whose(tx, orderId);
    await tell(tx, ctx, {
      eventId: id,
      template,
      data: dataOf(data),
      locale,
      userId: contact.subject,
      email: contact.email,
    });
  }) as Subscription<Tables, Settings>;
}

/** What notifications listen to. */
export const subscriptions: readonly Subscription<Tables, Settings>[] = [
  hear(auth.events.userRegistered, ({ data: { userId, email } }, tx) => learn(tx, userId, { email })),
  aboutAccount(auth.events.emailVerificationRequested, "verify-email", {
    path: "/verify-email",
    api: "POST /v1/auth/verify-email",
  }),
  aboutAccount(auth.events.passwordResetRequested, "password-reset", {
    path: "/reset-password",
    api: "POST /v1/auth/password-reset/confirm",
  }),
  aboutAccount(auth.events.registrationRepeated, "registration-repeated"),
  aboutAccount(auth.events.passwordChanged, "password-changed"),
  hear(orders.events.placed, heardOrder),
  aboutOrder(orders.events.cancelled, "order-cancelled", ({ number, reason }) => ({ number, reason })),
  aboutOrder(orders.events.refunded, "order-refunded", ({ number, amount }) => ({ number, amount })),
  aboutParcel(shipping.events.shipmentShipped, "shipment-shipped"),
  aboutParcel(shipping.events.shipmentMoved, "out-for-delivery"),
  aboutParcel(shipping.events.shipmentDelivered, "shipment-delivered"),
  hear(users.events.profileUpdated, ({ data: { userId, phone } }, tx) => learn(tx, userId, { phone })),
  hear(users.events.preferencesChanged, ({ data: { userId, preferences } }, tx) =>
    learn(tx, userId, {
      locale: preferences.locale,
      email_updates: Number(preferences.emailUpdates),
      sms_updates: Number(preferences.smsUpdates),
    }),
  ),
  hear(users.events.customerErased, async ({ data: { userId } }, tx) => {
    await tx.run(dropRecipient, { userId });
    await tx.run(emptyContacts, { subject: userId });
    await tx.run(dropMessagesOf, { userId });
  }),
];
