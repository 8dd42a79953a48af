import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { money } from "../shared/mod.ts";
import { escapeHtml, oneLine, renderMail } from "./blocks.ts";
import { LOCALES, type TemplateData, type TemplateName, templates } from "./templates.ts";

const NASTY = `"><script>alert('x')</script>&amp; \r\nBcc: eve@example.com`;

/** Data in which every text is hostile. */
const price = money(1_234_50, "EUR");
const totals = { subtotal: price, discount: money(100, "EUR"), shipping: price, tax: price, total: price };
const parcel = { number: NASTY, carrier: NASTY, trackingNumber: NASTY, url: `javascript:alert(1)//${NASTY}` };
const nasty: TemplateData = {
  "verify-email": { page: `javascript:${NASTY}`, api: NASTY },
  "password-reset": { page: NASTY, api: NASTY },
  "registration-repeated": {},
  "password-changed": {},
  "order-placed": {
    number: NASTY,
    lines: [
      {
        lineId: "1",
        sku: "MUG",
        productId: "p",
        title: NASTY,
        variantTitle: NASTY,
        quantity: 2,
        unitPrice: price,
        discount: price,
        tax: price,
        total: price,
      },
    ],
    totals,
    address: { name: NASTY, line1: NASTY, line2: NASTY, city: NASTY, region: NASTY, postalCode: NASTY, country: "AT" },
    option: { label: NASTY, carrier: NASTY },
  },
  "order-cancelled": { number: NASTY, reason: NASTY },
  "order-refunded": { number: NASTY, amount: price },
  "shipment-shipped": parcel,
  "out-for-delivery": parcel,
  "shipment-delivered": parcel,
};

describe("mails", () => {
  for (const name of Object.keys(templates) as TemplateName[]) {
    for (const locale of LOCALES) {
      test(`${name} in ${locale} lets nothing out of its texts`, () => {
        const make = templates[name].mail[locale] as (data: unknown) => Parameters<typeof renderMail>[0];
        const mail = renderMail({ ...make(nasty[name]), footer: NASTY }, NASTY, locale);
        assert.equal(mail.html.includes("<script"), false);
        assert.equal(/href="(?!https?:|#")/.test(mail.html), false, "links lead to the web");
        assert.equal(/[\r\n]/.test(mail.subject), false, "the subject is one line");
        assert.ok(mail.text.length > 0 && mail.html.includes(`lang="${locale}"`));
      });
    }
  }

  test("escaping leaves no character that ends a text or an attribute", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const escaped = escapeHtml(text);
        assert.equal(/[<>"']/.test(escaped), false);
        assert.equal(/&(?!amp;|lt;|gt;|quot;|#39;)/.test(escaped), false);
        assert.equal(/[\r\n\0]/.test(oneLine(text)), false);
      }),
    );
  });

  test("an order's mail shows what was bought, for how much, in the reader's way of writing it", () => {
    const data = { ...nasty["order-placed"], number: "A-17" };
    const german = renderMail({ ...templates["order-placed"].mail.de(data), footer: "" }, "Shop", "de");
    assert.match(german.subject, /A-17/);
    assert.match(german.text, /Summe: 1\.234,50\s€/);
    const english = renderMail({ ...templates["order-placed"].mail.en(data), footer: "" }, "Shop", "en");
    assert.match(english.text, /Total: €1,234\.50/);
    assert.match(english.text, /2 × /);
  });
});
