/**
 * Mistakes in the saga engine and in the sagas of the shop.
 *
 * Left out, because they only cost time: a signal that does not wake its saga (its moment comes), a wait that forgets that
 * a signal has moved it. And because a replay comes to the same end: not writing down that a saga has turned back.
 */
import type { Mutant } from "./mutant.ts";

const PLACE = "commerce/checkout/saga.ts";

/** The mutants of sagas. */
export const sagaMutants: readonly Mutant[] = [
  {
    name: "a step's key counts its attempts",
    what: "a step whose answer was lost is carried out twice",
    file: "kernel/src/saga/outside.ts",
    find: "const key = `${this.#row.id}/${name}`;",
    replace: "const key = `${this.#row.id}/${name}/${attempt}`;",
  },
  {
    name: "a step is journaled before its outcome",
    what: "a replay takes what was only begun for done",
    file: "kernel/src/saga/body-context.ts",
    find: "    if (began === undefined) return never();\n    const outcome = await attempt(fiber, {\n      name,\n      run: (count) => fiber.outside.call(",
    replace:
      '    if (began === undefined) return never();\n    fiber.ledger.record(name, "step", "done", null);\n    const outcome = await attempt(fiber, {\n      name,\n      run: (count) => fiber.outside.call(',
  },
  {
    name: "steps are not journaled",
    what: "a restart does not know what is to be taken back",
    file: "kernel/src/saga/body-context.ts",
    find: '  fiber.ledger.record(name, "step", outcome.status, text);\n  return text;',
    replace: "  return text;",
  },
  {
    name: "a saga is started in memory only",
    what: "a crash forgets a checkout that somebody was told has begun",
    file: "kernel/src/saga/engine.ts",
    find: "const inserted = await connection.run(INSERT_SAGA, values);",
    replace:
      'const inserted: number = values.length;\n    this.options.clock.soon(() => void this.options.database.write({ label: this.#label("saga.start") }, (own) => own.run(INSERT_SAGA, values)).catch(() => {}));',
  },
  {
    name: "sagas are not taken up after a restart",
    what: "what a crash interrupted stays half done",
    file: "kernel/src/saga/engine.ts",
    find: "return this.options.follows === undefined ? this.#due.poll() : Promise.resolve();",
    replace: "return Promise.resolve();",
  },
  {
    name: "a timer that has fired is taken for set",
    what: "sagas that wait are never woken again",
    file: "kernel/src/saga/due.ts",
    find: "      this.#at = Number.POSITIVE_INFINITY;\n      void this.poll();",
    replace: "      void this.poll();",
  },
  {
    name: "a signal before the wait is lost",
    what: "an approval that comes early is not noticed",
    file: "kernel/src/saga/engine.ts",
    find: 'await connection.run(INSERT_SIGNAL, [sagaId, signal.name, JSON.stringify(checked) ?? "null", now]);',
    replace: `const waiting = await connection.all("SELECT 1 FROM isomer_saga WHERE id = ? AND status = 'waiting'", [sagaId]);
    if (waiting.length === 0) return;
    await connection.run(INSERT_SIGNAL, [sagaId, signal.name, JSON.stringify(checked) ?? "null", now]);`,
  },
  {
    name: "no answer is taken for a refusal",
    what: "a step that was carried out, and whose answer was lost, is not taken back",
    file: "kernel/src/saga/attempts.ts",
    find: 'if (mayBeUnknown && (attempts >= giveUp.attemptsMax || fiber.isTurning)) return { status: "unknown", fault };',
    replace: 'if (mayBeUnknown) return { status: "failed", fault };',
  },
  {
    name: "steps are taken back in the order they were made",
    what: "what stands on a step is still there when the step is gone",
    file: "kernel/src/saga/fiber.ts",
    find: "[...this.#undos.values()].filter(({ isDue }) => isDue).toReversed();",
    replace: "[...this.#undos.values()].filter(({ isDue }) => isDue);",
  },
  {
    name: "the pivot is not remembered",
    what: "what must be carried through is taken back",
    file: "kernel/src/saga/body-context.ts",
    find: "    fiber.row.pivoted = 1;\n",
    replace: "",
  },
  {
    name: "past the pivot steps are given up",
    what: "an order hangs between paid and placed",
    file: "kernel/src/saga/attempts.ts",
    find: "const mayEnd = giveUp !== undefined && !fiber.pivoted;",
    replace: "const mayEnd = giveUp !== undefined;",
  },
  {
    name: "a journal that could not be written is taken for written",
    what: "a restart finds a saga that has forgotten its end",
    file: "kernel/src/saga/journal.ts",
    find: "for (const lane of lanes) lane.failed();\n      this.#again(lanes, error);",
    replace: "for (const lane of lanes) lane.landed();\n      this.#again(lanes, error);",
  },
  {
    name: "a journal entry cannot be written twice",
    what: "a commit whose answer was lost stops the saga for ever",
    file: "kernel/src/saga/records.ts",
    find: "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (saga_id, name) DO NOTHING`;",
    replace: "VALUES (?, ?, ?, ?, ?, ?)`;",
  },
  {
    name: "a local step is not looked for before it is repeated",
    what: "a commit whose answer was lost is made twice",
    file: "kernel/src/saga/body-context.ts",
    find: "  if (isRepeated) {",
    replace: '  if (isRepeated && name === "") {',
  },
  {
    name: "stock is not given back",
    what: "a checkout that came to nothing keeps its stock",
    file: PLACE,
    find: "undo: () => inventory.release({ orderId, reason }),",
    replace: "",
  },
  {
    name: "coupons are not given back",
    what: "a checkout that came to nothing keeps its coupons",
    file: PLACE,
    find: "undo: () => pricing.releaseCoupons({ orderId, reason }),",
    replace: "",
  },
  {
    name: "the payment is not called off",
    what: "a checkout that came to nothing keeps the buyer's money",
    file: PLACE,
    find: "undo: () => payments.cancel({ paymentId, reason }),",
    replace: "",
  },
  {
    name: "the cart is not thawed",
    what: "a checkout that came to nothing leaves a cart that nobody can change",
    file: PLACE,
    find: "undo: () => cart.unfreeze({ cartId, checkoutId: s.id }),",
    replace: "",
  },
  {
    name: "the pivot comes before the payment",
    what: "a declined card cannot be taken back",
    file: PLACE,
    find: "  await authorise(s, attempt);\n  await s.pivot();",
    replace: "  await s.pivot();\n  await authorise(s, attempt);",
  },
  {
    name: "the order is placed before the payment",
    what: "an order is confirmed that nobody pays",
    file: PLACE,
    find: `  await authorise(s, attempt);
  await s.pivot();
  await s.step("commitStock", inventory.commit({ orderId }));
  if (coupons.length > 0) await s.step("commitCoupons", pricing.commitCoupons({ orderId }));
  await s.step("placeOrder", orders.place({ orderId, paymentId }));`,
    replace: `  await s.step("placeOrder", orders.place({ orderId, paymentId }));
  await authorise(s, attempt);
  await s.pivot();
  await s.step("commitStock", inventory.commit({ orderId }));
  if (coupons.length > 0) await s.step("commitCoupons", pricing.commitCoupons({ orderId }));`,
  },
  {
    name: "money goes back before the parcel is stopped",
    what: "a parcel that has left is not paid any more",
    file: "commerce/orders/saga.ts",
    find: `    await s.pivot();
    await s.step("returnMoney", payments.cancel({ paymentId, reason }));`,
    replace: "    await s.pivot();",
    also: [
      {
        find: "    try {\n      // Never given up",
        replace:
          '    await s.step("returnMoney", payments.cancel({ paymentId, reason }));\n    try {\n      // Never given up',
      },
    ],
  },
  {
    name: "two attempts at a time",
    what: "a buyer who presses twice pays twice",
    file: "commerce/checkout/service.ts",
    find: 'if (row.status !== "open") throw CheckoutBusy.with({ checkoutId, status: row.status as Checkout["status"] });',
    replace: "",
  },
];
