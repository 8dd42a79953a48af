/** Requests for any operation, made from its contract. */
import { randomUUID } from "node:crypto";
import type { Ask } from "../client.ts";
import type { HttpOperation } from "../operations.ts";
import { type Node, sampleOf } from "../schema-samples.ts";

/** A request, ready to be sent. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly ask: Ask;
}

/** Values by field name: they take the place of made-up ones wherever an input has a field of that name. */
export type Values = Readonly<Record<string, unknown>>;

/** An input that fits the operation's schema. */
export function inputFor({ definition }: HttpOperation, values: Values, seed = 1): Record<string, unknown> {
  const input = sampleOf(definition.input, seed) as Record<string, unknown>;
  for (const name of Object.keys(definition.input.properties)) if (name in values) input[name] = values[name];
  return input;
}

/** The request that carries this input. */
export function requestFor(operation: HttpOperation, input: Readonly<Record<string, unknown>>): Request {
  const { binding, otherFields, takesJson } = operation;
  const path = binding.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(input[name])));
  const headers = headersFor(operation, input);
  const others = Object.fromEntries(otherFields.flatMap((name) => (name in input ? [[name, input[name]]] : [])));
  const body = binding.rawBody === undefined ? {} : { raw: String(input[binding.rawBody]) };
  return {
    method: binding.method,
    path: takesJson || binding.rawBody !== undefined ? path : `${path}${queryOf(others)}`,
    ask: { headers, ...body, ...(takesJson ? { body: others } : {}) },
  };
}

/**
 * A request that says who may without doing anything: let in, it is refused for a field that no schema has. Where
 * there is no body, whatever it names does not exist.
 */
export function probeFor(operation: HttpOperation): Request {
  const { takesJson } = operation;
  const input = inputFor(operation, {});
  for (const name of operation.otherFields) if (!isRequired(operation, name)) delete input[name];
  const request = requestFor(operation, input);
  return takesJson ? { ...request, ask: { ...request.ask, body: { "no-such-field": true } } } : request;
}

function isRequired({ definition }: HttpOperation, name: string): boolean {
  return ((definition.input as unknown as Node).required ?? []).includes(name);
}

function headersFor({ binding }: HttpOperation, input: Values): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [field, header] of Object.entries(binding.headers ?? {})) {
    if (field in input) headers[header] = encodeURIComponent(String(input[field]));
  }
  if (binding.ifMatch !== undefined) headers["if-match"] = `"${Number(input[binding.ifMatch] ?? 1)}"`;
  if (binding.idempotencyKey === "required") headers["idempotency-key"] = randomUUID();
  return headers;
}

function queryOf(fields: Values): string {
  const parameters = Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${name}=${encodeURIComponent(String(one))}`),
  );
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}
