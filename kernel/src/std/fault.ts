/**
 * Faults are the failures that cross a boundary: thrown here, sent as data, rebuilt there.
 * They are recognised by code, never by class: the other side may run another build.
 */

/**
 * What the caller may do about a fault. This alone decides retry, HTTP status and log level.
 *
 * To choose one, ask what the caller should do next: mend the request (`invalid`), ask for rights
 * (`denied`), give up on the name (`missing`), read again and decide anew (`conflict`), wait
 * (`exhausted`), repeat the same call with the same key (`unavailable`), or call an engineer (`broken`).
 */
export type FaultKind = "invalid" | "denied" | "missing" | "conflict" | "exhausted" | "unavailable" | "broken";

/** A stable name, `service/what-is-so`: it is documented and never reused for another meaning. */
export type FaultCode = `${string}/${string}`;

/** What {@link defineFault} needs to know. */
export interface FaultDefinition<Data> {
  readonly code: FaultCode;
  readonly kind: FaultKind;
  /** The sentence for the caller: says what is so and what to change. Never holds a secret. */
  readonly message: (data: Data) => string;
  /** JSON Schema of the data, for the contract's documents. */
  readonly schema?: object;
}

/** A kind of fault: makes instances, and recognises them wherever they came from. */
export interface FaultType<Data = unknown> {
  readonly code: FaultCode;
  readonly kind: FaultKind;
  readonly schema: object | undefined;
  /** Makes the fault; the caller throws it. */
  with(data: Data, options?: ErrorOptions): Fault<Data>;
  /** Whether an error, thrown here or received from elsewhere, is this fault. */
  readonly is: (error: unknown) => error is Fault<Data>;
}

/** The form of a fault that leaves the process. It carries no stack and no cause. */
export interface FaultData {
  readonly code: string;
  readonly kind: FaultKind;
  readonly message: string;
  readonly data: unknown;
}

/** A failure that crosses a boundary. See {@link FaultKind} for what the caller may do. */
export class Fault<Data = unknown> extends Error {
  override readonly name = "Fault";
  readonly code: string;
  readonly kind: FaultKind;
  readonly data: Data;

  constructor(form: { code: string; kind: FaultKind; message: string; data: Data }, options?: ErrorOptions) {
    super(form.message, options);
    this.code = form.code;
    this.kind = form.kind;
    this.data = form.data;
  }

  /** The form that leaves the process. */
  toJSON(): FaultData {
    return { code: this.code, kind: this.kind, message: this.message, data: this.data };
  }
}

/** Defines a kind of fault. Services use `fault()` of the contract layer, which infers `Data` from a schema. */
export function defineFault<Data = undefined>(definition: FaultDefinition<Data>): FaultType<Data> {
  const { code, kind, message, schema } = definition;
  return {
    code,
    kind,
    schema,
    with: (data, options) => new Fault({ code, kind, message: message(data), data }, options),
    is: (error): error is Fault<Data> => isFault(error) && error.code === code,
  };
}

/** Whether an error is a fault, of this build or another. */
export function isFault(error: unknown): error is Fault {
  return error instanceof Error && error.name === "Fault" && "code" in error && "kind" in error;
}

/** Rebuilds a fault that arrived as data. */
export function faultFrom(data: FaultData): Fault {
  return new Fault(data);
}

/** A bug, or corrupt data: what the caller sees of any error that was not a fault. The cause stays here. */
export const Broken = defineFault<undefined>({
  code: "kernel/broken",
  kind: "broken",
  message: () => "Something failed inside. The trace id leads to what happened.",
});

/** The fault that an error is, or {@link Broken} with the error as its cause. */
export function toFault(error: unknown): Fault {
  return isFault(error) ? error : Broken.with(undefined, { cause: error });
}
