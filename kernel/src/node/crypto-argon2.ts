/** Password hashing on libuv's thread pool, few at a time, so that the pool's other users are not starved. */
import { argon2 } from "node:crypto";
import { type Crypto, CryptoBusy } from "../security/mod.ts";

/** The bounds of the pool. */
export interface Argon2PoolOptions {
  /** How many hashes are made at once. Each also takes its memory, 19 MiB by default. */
  readonly hashingMax: number;
  /** How many more may wait. */
  readonly waitingMax: number;
}

/** Makes `argon2id` with these bounds. @throws {CryptoBusy} (from the result) when too many wait. */
export function argon2Pool({ hashingMax, waitingMax }: Argon2PoolOptions): Crypto["argon2id"] {
  const waiting: (() => void)[] = [];
  let hashing = 0;
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) hashing -= 1;
    else next();
  };
  const enter = (): Promise<void> => {
    if (hashing < hashingMax) {
      hashing += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  return async (password, salt, { memoryKib, passes, parallelism, tagLength }) => {
    if (hashing >= hashingMax && waiting.length >= waitingMax) throw CryptoBusy.with({ waitingMax });
    await enter();
    try {
      return await hashOnce({
        message: password,
        nonce: salt,
        memory: memoryKib,
        passes,
        parallelism,
        tagLength,
      });
    } finally {
      leave();
    }
  };
}

function hashOnce(parameters: Parameters<typeof argon2>[1]): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}
