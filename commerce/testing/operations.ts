/** What the shop serves over HTTP, as its contracts say: what suites that go over every route are made from. */
import type { AccessRule, ContractBase, HttpBinding, Operation } from "@isomer/kernel/contract";
import { shop } from "../system.ts";

/** An operation that is reached over HTTP. */
export interface HttpOperation {
  /** `service.operation`. */
  readonly name: string;
  readonly service: string;
  readonly operation: string;
  readonly definition: Operation;
  readonly binding: HttpBinding;
  /** `GET /v1/orders/:orderId`. */
  readonly route: string;
  readonly pathFields: readonly string[];
  /** Fields that come from a header. */
  readonly headerFields: readonly string[];
  /** Fields that come from the query, or from the body: those that come from nowhere else. */
  readonly otherFields: readonly string[];
  /** Whether the other fields come from a JSON body. */
  readonly takesJson: boolean;
}

/** All operations of a contract by name. */
export function operationsOf(contract: ContractBase): readonly (readonly [string, Operation])[] {
  return Object.entries<Operation>({ ...contract.commands, ...contract.queries });
}

/** All operations of the shop that have a route. */
export const httpOperations: readonly HttpOperation[] = shop.contracts.flatMap((contract) =>
  operationsOf(contract).flatMap(([operation, definition]) => {
    const { http } = definition;
    return http === undefined ? [] : [httpOperation(contract.name, operation, definition, http)];
  }),
);

function httpOperation(service: string, operation: string, definition: Operation, binding: HttpBinding): HttpOperation {
  const pathFields = [...binding.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? "");
  const headerFields = Object.keys(binding.headers ?? {});
  const elsewhere = [...pathFields, ...headerFields, binding.ifMatch, binding.rawBody, binding.clientAddress];
  const otherFields = Object.keys(definition.input.properties).filter((field) => !elsewhere.includes(field));
  return {
    name: `${service}.${operation}`,
    service,
    operation,
    definition,
    binding,
    route: `${binding.method} ${binding.path}`,
    pathFields,
    headerFields,
    otherFields,
    takesJson: binding.rawBody === undefined && binding.method !== "GET" && binding.method !== "DELETE",
  };
}

/** Whether some rule of the operation is of this kind. */
export function hasRule(operation: HttpOperation, kind: AccessRule["kind"]): boolean {
  return operation.definition.allow.some((rule) => rule.kind === kind);
}

interface Pattern {
  readonly operation: HttpOperation;
  readonly expression: RegExp;
}

const patterns: readonly Pattern[] = httpOperations
  .toSorted((a, b) => a.pathFields.length - b.pathFields.length)
  .map((operation) => ({
    operation,
    expression: new RegExp(`^${operation.binding.path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`),
  }));

/** The operation that a request is for; undefined when none is. */
export function operationAt(method: string, path: string): HttpOperation | undefined {
  const [plain = ""] = path.split("?");
  return patterns.find(
    ({ operation, expression }) =>
      (operation.binding.method === method || (method === "HEAD" && operation.binding.method === "GET")) &&
      expression.test(plain),
  )?.operation;
}
