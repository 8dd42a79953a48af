/** OpenAPI 3.1 from the contracts: the gateway's routes and this document have one source. */
import type { ContractBase } from "../contract/mod.ts";
import type { FaultType } from "../std/mod.ts";
import { SchemaNames, capital } from "./openapi-schemas.ts";
import type { RoutePlan } from "./plan.ts";
import { statusOf, titleOf } from "./problem.ts";

/** What a document of the API is told besides the contracts. */
export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  /** Base URLs; the document's own host when there is none. */
  readonly servers?: readonly string[];
}

type Json = Record<string, unknown>;

/** The faults that any operation may answer with, besides those that it declares. */
const COMMON: readonly (readonly [status: string, description: string])[] = [
  ["400", "The request does not fit the contract: `errors` names the fields."],
  ["429", "A rate limit is used up: wait as long as `Retry-After` says."],
  ["503", "Something is unavailable or overloaded: repeat the request with the same Idempotency-Key."],
];

/** The document. */
export function openApi(contracts: readonly ContractBase[], plans: readonly RoutePlan[], info: ApiInfo): Json {
  const names = new SchemaNames();
  for (const plan of plans) {
    names.count(plan.definition.input, `${plan.service}${capital(plan.operation)}Input`);
    names.count(plan.definition.output, nounOf(plan));
  }
  const paths: Record<string, Json> = {};
  const byShape = new Map<string, RoutePlan>();
  for (const plan of plans) {
    // Templates that differ only in names are one path in OpenAPI: the first operation names the fields for all.
    const shape = plan.binding.path.replaceAll(/:\w+/g, ":");
    const first = byShape.get(shape) ?? plan;
    byShape.set(shape, first);
    const item = (paths[first.binding.path.replaceAll(/:(\w+)/g, "{$1}")] ??= {});
    item[plan.binding.method.toLowerCase()] = operationOf(plan, names, first.pathFields);
  }
  const tags = new Map<string, string>();
  for (const contract of contracts) tags.set(contract.name, contract.summary);
  const used = [...new Set(plans.map(tagOf))].toSorted();
  return {
    openapi: "3.1.0",
    info: { title: info.title, version: info.version, description: info.description ?? "" },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    ...(info.servers === undefined ? {} : { servers: info.servers.map((url) => ({ url })) }),
    tags: used.map((name) => ({ name, description: tags.get(name) ?? "" })),
    paths,
    components: {
      schemas: { Problem: PROBLEM, ...names.components() },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
      },
    },
  };
}

/** What an operation is about: `getProduct` gives a product, `cart.create` gives a "CartCreate". */
function nounOf({ service, operation }: RoutePlan): string {
  const noun = /^[a-z]+([A-Z]\w*)$/.exec(operation)?.[1];
  return noun ?? service + capital(operation);
}

const tagOf = (plan: RoutePlan): string => plan.definition.tag ?? plan.service;

function operationOf(plan: RoutePlan, names: SchemaNames, pathNames: readonly string[]): Json {
  const { definition } = plan;
  const operation: Json = {
    operationId: `${plan.service}_${plan.operation}`,
    summary: definition.summary ?? "",
    tags: [tagOf(plan)],
    parameters: parametersOf(plan, names, pathNames),
    security: securityOf(plan),
    responses: responsesOf(plan, names),
    "x-allow": definition.allow.map((rule) =>
      rule.kind === "permission" ? rule.permission : rule.kind === "services" ? rule.services.join(", ") : rule.kind,
    ),
  };
  const body = requestBodyOf(plan, names);
  if (body !== undefined) operation["requestBody"] = body;
  return operation;
}

function parametersOf(plan: RoutePlan, names: SchemaNames, pathNames: readonly string[]): Json[] {
  const { definition, binding } = plan;
  const fields = definition.input.properties as Readonly<Record<string, Json>>;
  const required = new Set<string>(definition.input.required);
  const parameter = (name: string, place: string, field: string, always = false): Json => {
    const { description, ...schema } = fields[field] ?? {};
    return {
      name,
      in: place,
      required: always || required.has(field),
      ...(description === undefined ? {} : { description }),
      schema: names.refer(schema),
    };
  };
  const parameters = [
    ...plan.pathFields.map((field, index) => parameter(pathNames[index] ?? field, "path", field, true)),
    ...[...plan.queryFields.keys()].map((field) => parameter(field, "query", field)),
    ...plan.headerFields.map(({ name, header }) => parameter(header, "header", name)),
  ];
  if (plan.isCommand) parameters.push(IDEMPOTENCY_KEY(binding.idempotencyKey === "required"));
  if (binding.ifMatch !== undefined) parameters.push(IF_MATCH);
  if (binding.method === "GET" && binding.etag !== undefined) parameters.push(IF_NONE_MATCH);
  return parameters;
}

const IDEMPOTENCY_KEY = (required: boolean): Json => ({
  name: "Idempotency-Key",
  in: "header",
  required,
  description: "A new one (say, a UUID) for each request that is not a repetition. A repetition gets the first answer.",
  schema: { type: "string", minLength: 1, maxLength: 255 },
});

const IF_MATCH: Json = {
  name: "If-Match",
  in: "header",
  required: true,
  description: "The ETag that was read last. When another came first, the answer is a conflict.",
  schema: { type: "string", examples: ['"3"'] },
};

const IF_NONE_MATCH: Json = {
  name: "If-None-Match",
  in: "header",
  required: false,
  description: "An ETag that is known: the answer is 304 while it is the latest.",
  schema: { type: "string" },
};

function requestBodyOf(plan: RoutePlan, names: SchemaNames): Json | undefined {
  if (plan.bodyMode === "none") return undefined;
  if (plan.bodyMode === "raw") return { required: true, content: { "*/*": { schema: { type: "string" } } } };
  const { input } = plan.definition;
  if (plan.notInBody.length === 0) {
    if (Object.keys(input.properties).length === 0) return undefined;
    return { required: true, content: { "application/json": { schema: names.refer(input) } } };
  }
  const properties = Object.entries(input.properties).filter(([field]) => !plan.notInBody.includes(field));
  if (properties.length === 0) return undefined;
  const required = (input.required ?? []).filter((field: string) => !plan.notInBody.includes(field));
  const schema = { ...input, properties: Object.fromEntries(properties), required };
  return { required: required.length > 0, content: { "application/json": { schema: names.refer(schema) } } };
}

function securityOf(plan: RoutePlan): Json[] {
  const credentials: Json[] = [{ bearer: [] }, { apiKey: [] }];
  return plan.definition.allow.some((rule) => rule.kind === "anyone") ? [{}, ...credentials] : credentials;
}

function responsesOf(plan: RoutePlan, names: SchemaNames): Json {
  const { binding, definition } = plan;
  const headers: Json = {
    ...(binding.etag === undefined ? {} : { ETag: { schema: { type: "string" } } }),
    ...(plan.isCommand ? { "Idempotent-Replayed": { schema: { type: "string", enum: ["true"] } } } : {}),
  };
  const content =
    binding.contentType === undefined
      ? { "application/json": { schema: names.refer(definition.output) } }
      : { [binding.contentType]: { schema: { type: "string" } } };
  const responses: Json = {
    [String(plan.status)]: {
      description: plan.status === 201 ? "Created." : "Done.",
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...(plan.status === 204 ? {} : { content }),
    },
  };
  if (binding.method === "GET" && binding.etag !== undefined) responses["304"] = { description: "Not changed." };
  const declared = Map.groupBy(definition.faults ?? [], (fault) => String(statusOf(fault.code, fault.kind)));
  for (const [status, description] of commonOf(plan)) {
    responses[status] = problem(description, declared.get(status) ?? []);
  }
  for (const [status, faults] of declared) responses[status] ??= problem("", faults);
  return responses;
}

function commonOf(plan: RoutePlan): (readonly [string, string])[] {
  const rows = [...COMMON];
  const open = plan.definition.allow.some((rule) => rule.kind === "anyone");
  if (!open) rows.push(["401", "No valid credential."], ["403", "Not allowed."]);
  if (plan.pathFields.length > 0) rows.push(["404", "There is no such thing, or it is somebody else's."]);
  if (plan.isCommand) {
    rows.push(["409", "A request with this Idempotency-Key is still running."]);
    rows.push(["422", "This Idempotency-Key was used with another request."]);
  }
  if (plan.binding.ifMatch !== undefined) rows.push(["428", "If-Match is missing."]);
  return rows;
}

function problem(common: string, faults: readonly FaultType[]): Json {
  const lines = faults.map(({ code }) => `\`${code}\`: ${titleOf(code)}.`);
  const description = [...lines, ...(common === "" ? [] : [common])].join("\n\n");
  const ref = { $ref: "#/components/schemas/Problem" };
  const variants = faults.map((fault) => ({
    properties: { code: { const: fault.code }, ...(fault.schema === undefined ? {} : { data: fault.schema }) },
  }));
  // The declared faults are examples of what to expect, not all that may come: the edge has faults of its own.
  const schema = variants.length === 0 ? ref : { ...ref, "x-faults": variants };
  return { description, content: { "application/problem+json": { schema } } };
}

const PROBLEM: Json = {
  type: "object",
  description: "What went wrong (RFC 9457). Programs go by `code`.",
  required: ["type", "title", "status", "detail", "code", "traceId"],
  properties: {
    type: { type: "string", format: "uri-reference" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", description: "Stable." },
    traceId: { type: "string", description: "Tell it to support." },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["path", "message"],
        properties: { path: { type: "string", description: "A JSON Pointer." }, message: { type: "string" } },
      },
    },
    data: {},
  },
};
