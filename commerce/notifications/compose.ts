/** Makes messages of templates: rendered when the event is heard, so that later changes do not rewrite the past. */
import type { EventContext, Tx } from "@isomer/kernel/runtime";
import { renderMail } from "./blocks.ts";
import { type Settings, shopNameOf } from "./settings.ts";
import { type Tables, addMessage } from "./store.ts";
import {
  FOOTER,
  LOCALES,
  type Locale,
  type Template,
  type TemplateData,
  type TemplateName,
  templates,
} from "./templates.ts";

/** What is to be told to whom. */
export interface Telling<N extends TemplateName> {
  readonly eventId: string;
  readonly template: N;
  readonly data: TemplateData[N];
  readonly locale: Locale;
  /** The subject of the account or guest, to be forgotten with it. */
  readonly userId: string;
  readonly email: string;
  /** Where a text goes, if the template has one. */
  readonly phone?: string | undefined;
  /** The link whose secret the mail shows. */
  readonly linkId?: string;
}

type Ctx = EventContext<Settings>;

/** The language for a tag like `de-AT`; undefined when the shop does not speak it. */
export function spoken(tag: string | null | undefined): Locale | undefined {
  const language = tag?.split("-")[0];
  return LOCALES.find((locale) => locale === language);
}

/** Queues the mail, and the text where there is a number. Told before, nothing is queued. */
export async function tell<N extends TemplateName>(tx: Tx<Tables>, ctx: Ctx, telling: Telling<N>): Promise<void> {
  const { template: name, data, locale, email, phone = "", linkId } = telling;
  const template = templates[name] as Template<TemplateData[N]>;
  const shopName = shopNameOf(ctx.settings);
  const row = blank(telling, template.version, ctx);
  if (email !== "") {
    const content = { ...template.mail[locale](data), footer: FOOTER[locale] };
    const { subject, html, text } = renderMail(content, shopName, locale);
    const body = { subject, body_text: text, body_html: html, link_id: linkId ?? null };
    await tx.run(addMessage, { ...row, ...body, message_id: ctx.ids.next(), channel: "email", recipient: email });
  }
  if (phone !== "" && template.sms !== undefined) {
    const body = {
      subject: "",
      body_text: `${shopName}: ${template.sms[locale](data)}`,
      body_html: null,
      link_id: null,
    };
    await tx.run(addMessage, { ...row, ...body, message_id: ctx.ids.next(), channel: "sms", recipient: phone });
  }
}

function blank<N extends TemplateName>({ eventId, template, locale, userId }: Telling<N>, version: number, ctx: Ctx) {
  const now = ctx.now();
  return {
    event_id: eventId,
    template,
    version,
    user_id: userId,
    locale,
    status: "queued",
    attempts: 0,
    next_at: now,
    claimed_at: null,
    sent_at: null,
    error: null,
    created_at: now,
  };
}
