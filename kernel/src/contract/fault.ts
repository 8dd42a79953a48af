/** Faults of a contract: declared with a schema for their data. */
import { type FaultCode, type FaultKind, type FaultType, defineFault } from "../std/mod.ts";
import type { ObjectSchema, TypeOf } from "../schema/mod.ts";

/** What a declared fault is defined by. */
export interface DeclaredFault<D extends ObjectSchema> {
  readonly kind: FaultKind;
  readonly data: D;
  /** The sentence for the caller: says what is so and what to change. */
  readonly message: (data: TypeOf<D>) => string;
}

/** Declares a fault with a schema for its data; the code is `service/what-is-so`. */
export function fault<D extends ObjectSchema>(code: FaultCode, options: DeclaredFault<D>): FaultType<TypeOf<D>> {
  return defineFault<TypeOf<D>>({ code, kind: options.kind, message: options.message, schema: options.data });
}
