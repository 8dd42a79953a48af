/** The wire's benchmark: gRPC, by grpc-js and protobufjs. */
import {
  type ClientUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  credentials,
  makeGenericClientConstructor,
} from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { type Answer, type Question, type Secrets, TRACEPARENT, USER_TOKEN, answerTo } from "./question.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Line { string sku = 1; int32 quantity = 2; int32 price = 3; }
  message Question { string orderId = 1; repeated Line lines = 2; }
  message Answer { string orderId = 1; int32 total = 2; string currency = 3; }
`);
const codecOf = <T>(name: string) => {
  const type = root.lookupType(name);
  return {
    write: (value: T): Buffer => Buffer.from(type.encode(value as object).finish()),
    read: (bytes: Buffer): T => type.toObject(type.decode(bytes)) as T,
  };
};
const questions = codecOf<Question>("Question");
const answers = codecOf<Answer>("Answer");
const service = {
  price: {
    ...{ path: "/callee/price", requestStream: false, responseStream: false },
    ...{ requestSerialize: questions.write, requestDeserialize: questions.read },
    ...{ responseSerialize: answers.write, responseDeserialize: answers.read },
  },
} as const;

/** Serves; resolves with the port. */
export function serveGrpc({ callee }: Secrets): Promise<number> {
  const server = new Server();
  server.addService(service, {
    price: (call: { request: Question }, done: (error: null, answer: Answer) => void) =>
      done(null, answerTo(call.request)),
  });
  const pair = { private_key: Buffer.from(callee.privateKey), cert_chain: Buffer.from(callee.certificateChain) };
  const secure = ServerCredentials.createSsl(Buffer.from(callee.trustBundle), [pair], true);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", secure, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

interface Priced {
  price(
    q: Question,
    m: Metadata,
    o: object,
    done: (error: ServiceError | null, answer: Answer) => void,
  ): ClientUnaryCall;
  close(): void;
}

/** A client. */
export function callGrpc({ caller }: Secrets, port: number): { call(q: Question): Promise<Answer>; close(): void } {
  const Client = makeGenericClientConstructor(service, "callee");
  const secure = credentials.createSsl(
    ...([caller.trustBundle, caller.privateKey, caller.certificateChain].map((pem) => Buffer.from(pem)) as [
      Buffer,
      Buffer,
      Buffer,
    ]),
    { checkServerIdentity: () => undefined },
  );
  const client = new Client(`127.0.0.1:${port}`, secure, {
    "grpc.ssl_target_name_override": "callee",
  }) as unknown as Priced;
  let keys = 0;
  return {
    call(input) {
      const metadata = new Metadata();
      metadata.set("idempotency-key", `0190a9b0-0000-7000-8000-${(keys += 1)}`);
      metadata.set("traceparent", TRACEPARENT);
      metadata.set("txn-token", USER_TOKEN);
      return new Promise((resolve, reject) => {
        client.price(input, metadata, { deadline: Date.now() + 5_000 }, (error, answer) =>
          error === null ? resolve(answer) : reject(error),
        );
      });
    },
    close: () => client.close(),
  };
}
