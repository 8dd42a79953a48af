/** storefront: asks catalogue, pricing and inventory, and joins the answers. Without the catalogue there is no page. */
import type { Call } from "@isomer/kernel/contract";
import { type QueryContext, implement } from "@isomer/kernel/runtime";
import { catalog } from "../catalog/contract.ts";
import { inventory } from "../inventory/contract.ts";
import { pricing } from "../pricing/contract.ts";
import { storefront } from "./contract.ts";
import { drawing } from "./drawing.ts";
import { DEFAULT_CURRENCY, type Parts, inPieces, productList, productPage } from "./pages.ts";

const uses = [catalog, inventory, pricing] as const;
type Used = (typeof uses)[number]["name"];
type Ctx = QueryContext<Record<never, never>, Used>;

export default implement()(storefront, {
  uses,
  commands: {},
  queries: {
    async productPage({ slug, currency = DEFAULT_CURRENCY }, ctx) {
      const product = await ctx.call(catalog.product({ ref: slug }));
      return productPage(
        product,
        await partsOf(
          product.variants.map((variant) => variant.sku),
          currency,
          ctx,
        ),
      );
    },
    async productList({ currency = DEFAULT_CURRENCY, ...input }, ctx) {
      const page = await ctx.call(catalog.products(input));
      return productList(
        page,
        await partsOf(
          page.items.flatMap((card) => card.skus),
          currency,
          ctx,
        ),
      );
    },
    media: ({ name }) => Promise.resolve({ content: drawing(name.slice(0, -".svg".length)) }),
  },
});

async function partsOf(skus: readonly string[], currency: string, ctx: Ctx): Promise<Parts> {
  const pieces = inPieces(skus);
  const [prices, stock] = await Promise.all([
    gather(
      ctx,
      pieces.map((piece) => pricing.prices({ ...piece, currency })),
      (answer) => answer.prices,
    ),
    gather(
      ctx,
      pieces.map((piece) => inventory.availability(piece)),
      (answer) => answer.items,
    ),
  ]);
  return { prices, stock };
}

/** The rows of several answers by sku; undefined when one of them did not come. */
async function gather<A, R extends { readonly sku: string }>(
  ctx: Ctx,
  calls: readonly Call<Used, A>[],
  rowsOf: (answer: A) => readonly R[],
): Promise<Map<string, R> | undefined> {
  const answers = await Promise.all(calls.map((call) => ctx.attempt(call)));
  const rows = new Map<string, R>();
  for (const answer of answers) {
    if (!answer.ok) {
      ctx.log.warn("a page goes without one of its parts", {
        code: answer.fault.code,
        message: answer.fault.message,
      });
      return undefined;
    }
    for (const row of rowsOf(answer.value)) rows.set(row.sku, row);
  }
  return rows;
}
