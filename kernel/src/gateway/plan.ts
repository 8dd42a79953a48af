/** Plans: all that can be known of a route before the first request comes. */
import { type ContractBase, type Criticality, type HttpBinding, type Operation, pathFields } from "../contract/mod.ts";
import { type Coercer, type Schema, coercer } from "../schema/mod.ts";
import { type QueryField, queryField } from "./fields.ts";

/** What a body is read as. */
export type BodyMode = "none" | "json" | "raw";

/** A field of the input that comes from a header. */
export interface HeaderField {
  readonly name: string;
  /** In lower case. */
  readonly header: string;
}

/** How one operation is served over HTTP. */
export interface RoutePlan {
  readonly service: string;
  readonly operation: string;
  /** `service.operation`. */
  readonly name: string;
  /** `GET /products/:id`: names the span, and the route in metrics. */
  readonly label: string;
  readonly definition: Operation;
  readonly binding: HttpBinding;
  readonly isCommand: boolean;
  readonly criticality: Criticality;
  readonly deadlineMs: number;
  /** Names of fields in the order of the path. */
  readonly pathFields: readonly string[];
  readonly queryFields: ReadonlyMap<string, QueryField>;
  readonly headerFields: readonly HeaderField[];
  /** Reads the texts of path, query and headers. */
  readonly coerce: Coercer;
  readonly bodyMode: BodyMode;
  readonly bodyBytesMax: number;
  /** Fields that a body must not hold, because they come from elsewhere. */
  readonly notInBody: readonly string[];
  /** The status of success. */
  readonly status: number;
  /** Names the value in faults, as the runtime does. */
  readonly what: string;
}

/** What operations that do not say are given. */
export interface PlanDefaults {
  readonly bodyBytesMax: number;
  readonly deadlineMs: number;
}

/** Headers that proxies and services speak among themselves: a client's are worth nothing, so no field may use them. */
const INTERNAL_HEADER =
  /^(x-forwarded-.*|forwarded|x-real-ip|x-user-.*|x-isomer-.*|txn-token|traceparent|tracestate|authorization|x-api-key|cookie)$/;

/** The plans of all operations with an HTTP binding. @throws {TypeError} that names a binding which cannot work. */
export function routePlans(contracts: readonly ContractBase[], defaults: PlanDefaults): RoutePlan[] {
  return contracts.flatMap((contract) =>
    Object.entries<Operation>({ ...contract.commands, ...contract.queries }).flatMap(
      ([operation, definition]) => planOf(contract.name, operation, definition, defaults) ?? [],
    ),
  );
}

/** The plan of an operation; undefined when clients cannot call it. */
function planOf(
  service: string,
  operation: string,
  definition: Operation,
  defaults: PlanDefaults,
): RoutePlan | undefined {
  const binding = definition.http;
  if (binding === undefined) return undefined;
  const name = `${service}.${operation}`;
  const fields = definition.input.properties as Readonly<Record<string, Schema>>;
  checkBinding(name, definition, binding, fields);
  const inPath = pathFields(binding.path);
  const headers = Object.entries(binding.headers ?? {});
  const elsewhere = [...inPath, ...headers.map(([field]) => field)];
  if (binding.ifMatch !== undefined) elsewhere.push(binding.ifMatch);
  if (binding.rawBody !== undefined) elsewhere.push(binding.rawBody);
  if (binding.clientAddress !== undefined) elsewhere.push(binding.clientAddress);
  const bodyMode = bodyModeOf(binding);
  const inQuery = bodyMode === "json" ? [] : Object.entries(fields).filter(([field]) => !elsewhere.includes(field));
  return {
    service,
    operation,
    name,
    label: `${binding.method} ${binding.path}`,
    definition,
    binding,
    isCommand: definition.kind === "command",
    criticality: definition.criticality ?? "normal",
    deadlineMs: definition.deadlineMs ?? defaults.deadlineMs,
    pathFields: inPath,
    queryFields: new Map(
      inQuery.map(([field, schema]) => [field, queryField(schema, `${name}: the field "${field}"`)]),
    ),
    headerFields: headers.map(([field, header]) => ({ name: field, header })),
    coerce: coercer(definition.input),
    bodyMode,
    bodyBytesMax: binding.bodyBytesMax ?? defaults.bodyBytesMax,
    notInBody: bodyMode === "json" ? elsewhere : [],
    status: binding.status ?? (isEmptyObject(definition.output) ? 204 : 200),
    what: `input of ${name}`,
  };
}

function bodyModeOf(binding: HttpBinding): BodyMode {
  if (binding.rawBody !== undefined) return "raw";
  return binding.method === "GET" || binding.method === "DELETE" ? "none" : "json";
}

function isEmptyObject(schema: Schema): boolean {
  const { type, properties } = schema as { type?: unknown; properties?: object };
  return type === "object" && properties !== undefined && Object.keys(properties).length === 0;
}

function checkBinding(
  name: string,
  definition: Operation,
  binding: HttpBinding,
  fields: Readonly<Record<string, Schema>>,
): void {
  const named = [...pathFields(binding.path), ...Object.keys(binding.headers ?? {})];
  if (binding.ifMatch !== undefined) named.push(binding.ifMatch);
  if (binding.rawBody !== undefined) named.push(binding.rawBody);
  if (binding.clientAddress !== undefined) named.push(binding.clientAddress);
  for (const field of named) {
    if (!(field in fields))
      throw new TypeError(`${name}: its HTTP binding names "${field}", which its input does not have.`);
  }
  const twice = named.find((field, index) => named.indexOf(field) !== index);
  if (twice !== undefined) throw new TypeError(`${name}: its HTTP binding takes "${twice}" from two places.`);
  for (const header of Object.values(binding.headers ?? {})) {
    if (header !== header.toLowerCase() || INTERNAL_HEADER.test(header)) {
      throw new TypeError(`${name}: a field cannot come from the header "${header}".`);
    }
  }
  if (binding.method === "GET" && definition.kind === "command") {
    throw new TypeError(`${name} is a command at GET ${binding.path}: whatever fetches links would run it. Use POST.`);
  }
  const output = (definition.output as { properties?: Readonly<Record<string, unknown>> }).properties ?? {};
  if (binding.etag !== undefined && !(binding.etag in output)) {
    throw new TypeError(
      `${name}: its HTTP binding makes the ETag of "${binding.etag}", which its output does not have.`,
    );
  }
  if (binding.contentType !== undefined && !("content" in output)) {
    throw new TypeError(`${name}: its answer is ${binding.contentType}, so its output needs the field "content".`);
  }
}
