/** What messages say, in each language. A template whose words change gets a new version: rows name the one they are. */
import { type Address, type Money, type OrderLine, type Totals, format } from "../shared/mod.ts";
import type { ShippingOption } from "../shipping/contract.ts";
import type { Block, MailContent } from "./blocks.ts";

/** The languages of the shop. */
export const LOCALES = ["en", "de"] as const;
/** A language of the shop. */
export type Locale = (typeof LOCALES)[number];

/** Stands in a mail for the secret of its link, until it is sent. No table ever holds the secret. */
export const LINK_TOKEN = "~link-token~";

/** What the templates are about. */
export interface TemplateData {
  "verify-email": { readonly page: string | undefined; readonly api: string };
  "password-reset": { readonly page: string | undefined; readonly api: string };
  "registration-repeated": Record<never, never>;
  "password-changed": Record<never, never>;
  "order-placed": {
    readonly number: string;
    readonly lines: readonly OrderLine[];
    readonly totals: Totals;
    readonly address: Address;
    readonly option: Pick<ShippingOption, "label" | "carrier">;
  };
  "order-cancelled": { readonly number: string; readonly reason: string };
  "order-refunded": { readonly number: string; readonly amount: Money };
  "shipment-shipped": Parcel;
  "out-for-delivery": Parcel;
  "shipment-delivered": Parcel;
}
interface Parcel {
  readonly number: string;
  readonly carrier: string;
  readonly trackingNumber: string;
  readonly url: string;
}

/** The name of a template. */
export type TemplateName = keyof TemplateData;

/** A template: what it says in each language, and in short where there is a text as well. */
export interface Template<Data> {
  readonly version: number;
  readonly mail: Readonly<Record<Locale, (data: Data) => Omit<MailContent, "footer">>>;
  readonly sms?: Readonly<Record<Locale, (data: Data) => string>>;
}

/** The last line of every mail. */
export const FOOTER: Readonly<Record<Locale, string>> = {
  en: "You get this mail because of your account or order at our shop.",
  de: "Sie erhalten diese Mail wegen Ihres Kontos oder Ihrer Bestellung in unserem Shop.",
};

const text = (words: string): Block => ({ kind: "text", text: words });
const note = (words: string): Block => ({ kind: "note", text: words });
const mail = (subject: string, preview: string, ...blocks: readonly Block[]) => ({
  subject,
  heading: subject,
  preview,
  blocks,
});

/** A button to a page of the shop front where there is one, and the code for everybody else. */
const link = (data: { page: string | undefined; api: string }, label: string, codeLabel: string): Block[] => [
  ...(data.page === undefined ? [] : [{ kind: "button", label, url: `${data.page}?token=${LINK_TOKEN}` } as const]),
  { kind: "code", label: `${codeLabel} (${data.api})`, code: LINK_TOKEN },
];

const SUMS: Readonly<Record<Locale, Readonly<Record<keyof Totals, string>>>> = {
  en: { subtotal: "Subtotal", discount: "Discount", shipping: "Shipping", tax: "Tax", total: "Total" },
  de: { subtotal: "Zwischensumme", discount: "Rabatt", shipping: "Versand", tax: "Steuer", total: "Summe" },
};

function sums(totals: Totals, locale: Locale): Block {
  const labels = SUMS[locale];
  const row = (name: keyof Totals, sign = "") => ({ label: labels[name], amount: sign + format(totals[name], locale) });
  return {
    kind: "sums",
    rows: [
      row("subtotal"),
      ...(totals.discount.amount === 0 ? [] : [row("discount", "−")]),
      row("shipping"),
      ...(totals.tax.amount === 0 ? [] : [row("tax")]),
      { ...row("total"), strong: true },
    ],
  };
}

function lines(items: readonly OrderLine[], locale: Locale): Block {
  return {
    kind: "lines",
    rows: items.map(({ title, variantTitle = "", quantity, total }) => ({
      title: `${quantity} × ${title}`,
      detail: variantTitle,
      amount: format(total, locale),
    })),
  };
}

function address(label: string, to: Address): Block {
  const { name, line1, line2, city, region, postalCode, country } = to;
  const rows = [name, line1, line2, `${postalCode} ${city}`, region, country];
  return { kind: "address", label, lines: rows.filter((row) => row !== undefined && row !== "") as string[] };
}

const parcel = (label: string, trackingLabel: string, { url, carrier, trackingNumber }: Parcel): Block[] => [
  { kind: "button", label, url },
  note(`${trackingLabel}: ${trackingNumber} (${carrier})`),
];

/** All templates. */
export const templates: { readonly [N in TemplateName]: Template<TemplateData[N]> } = {
  "verify-email": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          "Confirm your email address",
          "One step, and your account is ready.",
          text("Welcome! Please confirm that this address is yours."),
          ...link(data, "Confirm address", "Your code"),
          note("The code is good for two days, once. If you did not sign up, do nothing."),
        ),
      de: (data) =>
        mail(
          "Bestätigen Sie Ihre E-Mail-Adresse",
          "Ein Schritt, und Ihr Konto ist bereit.",
          text("Willkommen! Bitte bestätigen Sie, dass diese Adresse Ihnen gehört."),
          ...link(data, "Adresse bestätigen", "Ihr Code"),
          note("Der Code gilt zwei Tage und nur einmal. Wenn Sie sich nicht angemeldet haben, ist nichts zu tun."),
        ),
    },
  },
  "password-reset": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          "Set a new password",
          "Somebody asked to set a new password for your account.",
          text("Somebody, hopefully you, asked to set a new password for your account."),
          ...link(data, "Set a new password", "Your code"),
          note("The code is good for an hour, once. If it was not you, do nothing: your password stays as it is."),
        ),
      de: (data) =>
        mail(
          "Neues Passwort festlegen",
          "Für Ihr Konto soll ein neues Passwort festgelegt werden.",
          text("Jemand, hoffentlich Sie selbst, möchte für Ihr Konto ein neues Passwort festlegen."),
          ...link(data, "Neues Passwort festlegen", "Ihr Code"),
          note("Der Code gilt eine Stunde und nur einmal. Waren Sie es nicht, ist nichts zu tun: Ihr Passwort bleibt."),
        ),
    },
  },
  "registration-repeated": {
    version: 1,
    mail: {
      en: () =>
        mail(
          "You have an account already",
          "Somebody tried to sign up with your address.",
          text(
            "Somebody, maybe you, tried to sign up with this address. It has an account already, so sign in instead.",
          ),
          note("If you forgot the password, ask for a new one. If it was not you, do nothing."),
        ),
      de: () =>
        mail(
          "Sie haben schon ein Konto",
          "Jemand wollte sich mit Ihrer Adresse anmelden.",
          text(
            "Jemand, vielleicht Sie selbst, wollte mit dieser Adresse ein Konto anlegen. Es gibt aber schon eines: Melden Sie sich damit an.",
          ),
          note(
            "Falls Sie das Passwort vergessen haben, fordern Sie ein neues an. Waren Sie es nicht, ist nichts zu tun.",
          ),
        ),
    },
  },
  "password-changed": {
    version: 1,
    mail: {
      en: () =>
        mail(
          "Your password was changed",
          "If it was you, all is well.",
          text("The password of your account was changed, and other devices were signed out."),
          note("If it was not you, ask for a new password at once, and write to us."),
        ),
      de: () =>
        mail(
          "Ihr Passwort wurde geändert",
          "Wenn Sie das waren, ist alles in Ordnung.",
          text("Das Passwort Ihres Kontos wurde geändert, andere Geräte wurden abgemeldet."),
          note("Waren Sie es nicht, fordern Sie sofort ein neues Passwort an und schreiben Sie uns."),
        ),
    },
  },
  "order-placed": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          `Thank you for your order ${data.number}`,
          `Your order of ${format(data.totals.total, "en")} has arrived here.`,
          text("We have your order, and tell you when it is on its way."),
          lines(data.lines, "en"),
          sums(data.totals, "en"),
          address("Delivered to", data.address),
          note(`Sent by ${data.option.carrier}, ${data.option.label}`),
        ),
      de: (data) =>
        mail(
          `Danke für Ihre Bestellung ${data.number}`,
          `Ihre Bestellung über ${format(data.totals.total, "de")} ist bei uns angekommen.`,
          text("Ihre Bestellung ist bei uns. Sobald sie unterwegs ist, sagen wir Bescheid."),
          lines(data.lines, "de"),
          sums(data.totals, "de"),
          address("Lieferung an", data.address),
          note(`Versand mit ${data.option.carrier}, ${data.option.label}`),
        ),
    },
  },
  "order-cancelled": {
    version: 1,
    mail: {
      en: ({ number, reason }) =>
        mail(
          `Your order ${number} was cancelled`,
          "What you paid goes back to you.",
          text(`Your order ${number} was cancelled. What you paid goes back the way it came, within a few days.`),
          note(`Reason: ${reason}`),
        ),
      de: ({ number, reason }) =>
        mail(
          `Ihre Bestellung ${number} wurde storniert`,
          "Bezahltes erhalten Sie zurück.",
          text(
            `Ihre Bestellung ${number} wurde storniert. Was Sie bezahlt haben, geht in einigen Tagen auf demselben Weg zurück.`,
          ),
          note(`Grund: ${reason}`),
        ),
    },
  },
  "order-refunded": {
    version: 1,
    mail: {
      en: ({ number, amount }) =>
        mail(
          `Refund for your order ${number}`,
          `${format(amount, "en")} are on their way back to you.`,
          text(`We sent ${format(amount, "en")} back to you. Depending on your bank it takes a few days to arrive.`),
        ),
      de: ({ number, amount }) =>
        mail(
          `Erstattung zu Ihrer Bestellung ${number}`,
          `${format(amount, "de")} sind auf dem Weg zu Ihnen.`,
          text(`Wir haben Ihnen ${format(amount, "de")} erstattet. Je nach Bank dauert die Gutschrift einige Tage.`),
        ),
    },
  },
  "shipment-shipped": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          `Your order ${data.number} is on its way`,
          `${data.carrier} has your parcel.`,
          text(`Your parcel left our warehouse and is with ${data.carrier} now.`),
          ...parcel("Track the parcel", "Tracking number", data),
        ),
      de: (data) =>
        mail(
          `Ihre Bestellung ${data.number} ist unterwegs`,
          `${data.carrier} hat Ihr Paket übernommen.`,
          text(`Ihr Paket hat unser Lager verlassen und ist jetzt bei ${data.carrier}.`),
          ...parcel("Paket verfolgen", "Sendungsnummer", data),
        ),
    },
    sms: {
      en: ({ number, url }) => `Your order ${number} is on its way: ${url}`,
      de: ({ number, url }) => `Ihre Bestellung ${number} ist unterwegs: ${url}`,
    },
  },
  "out-for-delivery": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          `Your order ${data.number} arrives today`,
          "The parcel is on the van.",
          text("Your parcel is on the van and should be with you today."),
          ...parcel("Track the parcel", "Tracking number", data),
        ),
      de: (data) =>
        mail(
          `Ihre Bestellung ${data.number} kommt heute`,
          "Das Paket ist im Zustellfahrzeug.",
          text("Ihr Paket ist im Zustellfahrzeug und sollte heute bei Ihnen sein."),
          ...parcel("Paket verfolgen", "Sendungsnummer", data),
        ),
    },
    sms: {
      en: ({ number }) => `Your order ${number} should arrive today.`,
      de: ({ number }) => `Ihre Bestellung ${number} sollte heute ankommen.`,
    },
  },
  "shipment-delivered": {
    version: 1,
    mail: {
      en: (data) =>
        mail(
          `Your order ${data.number} was delivered`,
          "Enjoy!",
          text("Your parcel was delivered. Enjoy! If something is not right with it, reply to this mail."),
          ...parcel("See where", "Tracking number", data),
        ),
      de: (data) =>
        mail(
          `Ihre Bestellung ${data.number} wurde zugestellt`,
          "Viel Freude damit!",
          text("Ihr Paket wurde zugestellt. Viel Freude damit! Stimmt etwas nicht, antworten Sie auf diese Mail."),
          ...parcel("Sendung ansehen", "Sendungsnummer", data),
        ),
    },
  },
};
