/** The contracts of a small shop, of which the gift wrapping is a service in Python. */
import { anyone, command, contract, fault, http, query, services } from "@isomer/kernel/contract";
import { t } from "@isomer/kernel/schema";

/** It cannot be wrapped. */
export const TooHeavy = fault("giftwrap/too-heavy", {
  kind: "conflict",
  data: t.object({ weightGrams: t.integer() }),
  message: ({ weightGrams }) => `${weightGrams} g are too heavy to be wrapped.`,
});

/** There is no such product. */
export const UnknownProduct = fault("giftwrap/unknown-product", {
  kind: "missing",
  data: t.object({ sku: t.text() }),
  message: ({ sku }) => `There is no ${sku}.`,
});

const Sku = t.text({ minLength: 1, maxLength: 40 });
const Paper = t.oneOf(["plain", "gold"]);

const Variant = t.object({ sku: Sku, title: t.text(), weightGrams: t.integer({ minimum: 0 }) });

/** What is sold: as much of the shop's catalogue as gift wrapping needs. `shop.ts` has the real one in its place. */
export const catalog = contract("catalog", {
  version: "1.0.0",
  queries: {
    variants: query({
      input: t.object({ skus: t.array(Sku, { minItems: 1 }) }),
      output: t.object({ variants: t.array(Variant) }),
      allow: [services("giftwrap")],
    }),
  },
  commands: {
    discontinue: command({ input: t.object({ sku: Sku }), output: t.object({}), allow: [services("desk")] }),
  },
});

/** Gift wrapping, run by others. */
export const giftwrap = contract("giftwrap", {
  version: "1.0.0",
  queries: {
    quote: query({
      input: t.object({ sku: Sku, paper: Paper }),
      output: t.object({ amount: t.integer({ minimum: 0 }), label: t.text() }),
      faults: [TooHeavy, UnknownProduct],
      allow: [services("desk")],
      deadlineMs: 5_000,
    }),
  },
  commands: {
    wrap: command({
      input: t.object({ sku: Sku, paper: Paper }),
      output: t.object({ wrapId: t.text() }),
      allow: [services("desk")],
      deadlineMs: 5_000,
    }),
  },
});

/** The desk, where customers ask for it. */
export const desk = contract("desk", {
  version: "1.0.0",
  queries: {
    offer: query({
      input: t.object({ sku: Sku, paper: Paper }),
      output: t.object({ amount: t.integer(), label: t.text() }),
      faults: [TooHeavy, UnknownProduct],
      allow: [anyone],
      deadlineMs: 5_000,
      http: http("GET /v1/gift-offers/:sku"),
    }),
  },
  commands: {
    wrap: command({
      input: t.object({ sku: Sku, paper: Paper }),
      output: t.object({ wrapId: t.text() }),
      allow: [anyone],
      deadlineMs: 5_000,
      http: http("POST /v1/gift-wraps", { status: 201 }),
    }),
  },
});
