/**
 * A contract as Protocol Buffers, for callers that speak gRPC. What is optional or may be null is `optional`: absent stands
 * for both. Whole numbers are `int64`; what has no counterpart is a `google.protobuf.Value`.
 */
import type { SchemaData } from "../../schema/mod.ts";
import type { ContractSnapshot } from "../diff/snapshot.ts";
import { type LockedMessage, type ProtoLock, numbered } from "./lock.ts";

/** A contract's file, and the lock to keep with it. */
export interface Proto {
  readonly text: string;
  readonly lock: ProtoLock;
  /** The service's full name: `isomer.stockroom.v2.StockRoom`. */
  readonly service: string;
  /** The methods by the name of their operation. */
  readonly methods: Readonly<Record<string, ProtoMethod>>;
}

/** An operation as a method: its name, and its messages' without the package. */
export interface ProtoMethod {
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

const VALUE = "google.protobuf.Value";

/** Makes the file of a contract. The same contract and lock give the same text; the lock only grows. */
export function protoOf(snapshot: ContractSnapshot, lock: ProtoLock): Proto {
  const file = new ProtoFile(lock);
  const methods: Record<string, ProtoMethod> = {};
  const rpcs = Object.entries(snapshot.operations).map(([name, { input, output }]) => {
    const method = pascal(name);
    const [asked, answered] = [file.message(`${method}Input`, input), file.message(`${method}Output`, output)];
    methods[name] = { name: method, input: asked, output: answered };
    return `  rpc ${method}(${asked}) returns (${answered});`;
  });
  const major = snapshot.version.split(".")[0] ?? "1";
  const packageName = `isomer.${snapshot.name.toLowerCase()}.v${major}`;
  const head = [
    'syntax = "proto3";',
    `package ${packageName};`,
    ...(file.needsValue ? ['import "google/protobuf/struct.proto";'] : []),
  ];
  const service = `service ${pascal(snapshot.name)} {\n${rpcs.join("\n")}\n}`;
  const messages = { ...lock.messages, ...file.locked };
  const inOrder = Object.fromEntries(Object.entries(messages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return {
    text: `${[head.join("\n"), service, ...file.definitions].join("\n\n")}\n`,
    lock: { format: 1, messages: inOrder },
    service: `${packageName}.${pascal(snapshot.name)}`,
    methods,
  };
}

/** How a field is written. */
interface FieldType {
  readonly type: string;
  /** Before the type: `repeated`, `optional` or nothing. */
  readonly label: "" | "repeated " | "optional ";
}

class ProtoFile {
  readonly definitions: string[] = [];
  readonly locked: Record<string, LockedMessage> = {};
  needsValue = false;
  readonly #lock: ProtoLock;

  constructor(lock: ProtoLock) {
    this.#lock = lock;
  }

  /** Defines a message for a schema, and gives its name. What is no object, or a record, is wrapped in a field `value`. */
  message(name: string, schema: SchemaData): string {
    const hasFields = schema["type"] === "object" && schema["properties"] !== undefined;
    const parts = hasFields ? partsOf(schema["properties"]) : { value: schema };
    const required = new Set(hasFields ? ((schema["required"] ?? []) as readonly string[]) : ["value"]);
    // Its place is before its parts'.
    const at = this.definitions.push("") - 1;
    const fields = Object.entries(parts).map(([field, part]) => {
      const { type, label } = this.#fieldOf(`${name}${pascal(field)}`, part);
      const isOptional = label === "" && !required.has(field) && !type.startsWith("map<");
      return { field, type, label: isOptional ? "optional " : label };
    });
    const locked = numbered(
      this.#lock.messages[name],
      fields.map(({ field, type, label }) => [field, `${label === "repeated " ? label : ""}${type}`]),
    );
    this.locked[name] = locked;
    const lines = fields
      .map(({ field, type, label }) => ({ number: locked.fields[field]?.number ?? 0, field, type, label }))
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, field, type, label }) => `  ${label}${type} ${snake(field)} = ${number}${jsonName(field)};`);
    this.definitions[at] = block(`message ${name}`, reservedOf(locked), lines);
    return name;
  }

  #fieldOf(name: string, schema: SchemaData): FieldType {
    const { anyOf, type } = schema;
    if (Array.isArray(anyOf)) return this.#anyOf(name, anyOf as readonly SchemaData[]);
    if (Array.isArray(schema["enum"]) && schema["enum"].every((value) => typeof value === "string"))
      return { type: this.#enumeration(name, schema["enum"] as readonly string[]), label: "" };
    if ("const" in schema || schema["enum"] !== undefined)
      return { type: scalarOf(schema) ?? this.#value(), label: "" };
    if (type === "array") return this.#list(name, partOf(schema["items"]));
    if (type === "object") return { type: this.#object(name, schema), label: "" };
    return { type: scalarOf(schema) ?? this.#value(), label: "" };
  }

  /** Something or null is optional; all other alternatives are values of any kind. */
  #anyOf(name: string, branches: readonly SchemaData[]): FieldType {
    const others = branches.filter(({ type }) => type !== "null");
    const [only] = others;
    if (only === undefined || others.length > 1) return { type: this.#value(), label: "optional " };
    const field = this.#fieldOf(name, only);
    return field.label === "" && !field.type.startsWith("map<")
      ? { ...field, label: "optional " }
      : { type: this.#value(), label: "optional " };
  }

  #list(name: string, items: SchemaData): FieldType {
    const item = this.#fieldOf(`${name}Item`, items);
    // Lists of lists, and of what may be null, are none that Protobuf has.
    if (item.label !== "" || item.type.startsWith("map<")) return { type: this.#value(), label: "repeated " };
    return { type: item.type, label: "repeated " };
  }

  #object(name: string, schema: SchemaData): string {
    const [values] = Object.values(partsOf(schema["patternProperties"]));
    if (values === undefined) return schema["properties"] === undefined ? this.#value() : this.message(name, schema);
    const value = this.#fieldOf(`${name}Value`, values);
    return `map<string, ${value.label === "" && !value.type.startsWith("map<") ? value.type : this.#value()}>`;
  }

  #enumeration(name: string, values: readonly string[]): string {
    const locked = numbered(
      this.#lock.messages[name],
      values.map((value) => [value, "value"]),
    );
    this.locked[name] = locked;
    const prefix = snake(name).toUpperCase();
    const taken = new Set<string>();
    const lines = Object.entries(locked.fields)
      .toSorted(([, a], [, b]) => a.number - b.number)
      .map(([value, { number }]) => {
        // Values that differ in case or in signs only must not become one constant; the older one keeps its name.
        const plain = snake(value).toUpperCase();
        const constant = taken.has(plain) ? `${plain}_${hexOf(value)}` : plain;
        taken.add(constant);
        return `  ${prefix}_${constant} = ${number};`;
      });
    this.definitions.push(block(`enum ${name}`, reservedOf(locked), [`  ${prefix}_UNSPECIFIED = 0;`, ...lines]));
    return name;
  }

  #value(): string {
    this.needsValue = true;
    return VALUE;
  }
}

function scalarOf(schema: SchemaData): string | undefined {
  const fixed = schema["const"];
  const type = fixed === undefined ? schema["type"] : typeof fixed;
  if (type === "string") return "string";
  if (type === "boolean") return "bool";
  if (type === "integer") return "int64";
  return type === "number" ? "double" : undefined;
}

function block(head: string, reserved: readonly string[], lines: readonly string[]): string {
  const all = [...reserved, ...lines];
  return all.length === 0 ? `${head} {}` : `${head} {\n${all.join("\n")}\n}`;
}

const reservedOf = ({ reserved }: LockedMessage): readonly string[] =>
  reserved.length === 0 ? [] : [`  reserved ${reserved.join(", ")};`];

const partsOf = (value: unknown): Readonly<Record<string, SchemaData>> =>
  (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, SchemaData>>;
const partOf = (value: unknown): SchemaData => partsOf(value) as SchemaData;

const pascal = (name: string): string =>
  name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, first: string) => first.toUpperCase());
const snake = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase();
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** JSON keeps the contract's names, also where they cannot be told from the field's. */
const jsonName = (name: string): string =>
  camel(snake(name)) === name ? "" : ` [json_name = ${JSON.stringify(name)}]`;

const hexOf = (text: string): string => [...text].map((sign) => (sign.codePointAt(0) ?? 0).toString(16)).join("");
