/** Contracts as gRPC has them: the methods of a service, with the paths and the messages that its .proto gives them. */
import protobuf from "protobufjs";
import { type ContractBase, type ProtoLock, protoOf, snapshotOf } from "../../contract/mod.ts";
import { type MessageCodec, messageCodec } from "./messages.ts";

/** One operation as a method. */
export interface GrpcMethod {
  readonly service: string;
  readonly operation: string;
  /** `/isomer.catalog.v1.Catalog/Product`. */
  readonly path: string;
  readonly input: MessageCodec;
  readonly output: MessageCodec;
}

/** The lock of a contract's numbers, as `npm run contracts` keeps it; see `readLock`. */
export type LockOf = (service: string) => ProtoLock;

/**
 * The methods of a contract.
 * @throws {TypeError} when the lock does not have the number of each field: to give numbers at a start would be to give
 *   others the next time.
 */
export function grpcMethods(contract: ContractBase, lock: ProtoLock): readonly GrpcMethod[] {
  const snapshot = snapshotOf(contract);
  const proto = protoOf(snapshot, lock);
  if (JSON.stringify(proto.lock.messages) !== JSON.stringify(inOrder(lock)))
    throw new TypeError(
      `The fields of the contract "${contract.name}" do not have the numbers of its lock. Write its .proto and its lock ` +
        "anew (`writeProtos`; in the shop `npm run contracts`), and commit both.",
    );
  const root = rootOf(proto.text);
  const packageName = proto.service.slice(0, proto.service.lastIndexOf("."));
  return Object.entries(proto.methods).map(([operation, { name, input, output }]) => {
    const schemas = snapshot.operations[operation];
    if (schemas === undefined) throw new TypeError(`${contract.name} has no ${operation}.`);
    const codec = (schema: typeof schemas.input, message: string): MessageCodec =>
      messageCodec(schema, root.lookupType(`${packageName}.${message}`), proto.lock);
    return {
      ...{ service: contract.name, operation, path: `/${proto.service}/${name}` },
      ...{ input: codec(schemas.input, input), output: codec(schemas.output, output) },
    };
  });
}

/** The types of a file, with Google's own that it imports. */
export function rootOf(text: string): protobuf.Root {
  const { root, imports = [] } = protobuf.parse(text);
  for (const path of imports) {
    const { nested } = protobuf.common.get(path) ?? {};
    if (nested === undefined) throw new TypeError(`Nobody here knows ${path}.`);
    root.addJSON(nested);
  }
  root.resolveAll();
  return root;
}

function inOrder({ messages }: ProtoLock): ProtoLock["messages"] {
  return Object.fromEntries(Object.entries(messages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
