/** The keys of a host: those it signs with, and the key sets of others. */
import type { Clock, Json } from "../std/mod.ts";
import { fromBase64Url } from "./base64url.ts";
import type { Crypto, PublicKeyJwk } from "./crypto.ts";
import {
  type KeyRecord,
  type KeySet,
  ROTATION_DEFAULT,
  type RotationPlan,
  type RotationPolicy,
  currentKey,
  planRotation,
  publicKeys,
} from "./keys.ts";

/** What a {@link KeyRing} is made of. */
export interface KeyRingOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  /** {@link ROTATION_DEFAULT} unless said. */
  readonly policy?: RotationPolicy;
  /**
   * Applies a plan in one transaction and resolves to all records that there are then, also those that another host
   * added meanwhile. The auth service writes its rows here.
   */
  readonly store: (plan: RotationPlan) => Promise<readonly KeyRecord[]>;
}

/** The signing keys of a host. What it knows is what the store said last: call {@link rotate} now and then. */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #policy: RotationPolicy;
  #records: readonly KeyRecord[] = [];
  #keyOf: (kid: string) => PublicKeyJwk | undefined = () => undefined;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#policy = options.policy ?? ROTATION_DEFAULT;
  }

  /** Reads the records anew, and adds and removes what rotation asks for. To be run at the start and every hour. */
  async rotate(): Promise<void> {
    const { store, crypto, clock } = this.#options;
    const known = await store({ add: [], remove: [] });
    const plan = planRotation(known, clock.now(), this.#policy, crypto);
    this.#records = plan.add.length + plan.remove.length === 0 ? known : await store(plan);
    this.#keyOf = keysOf(this.published());
  }

  /** The key to sign with. @throws {TypeError} before the first {@link rotate}. */
  current(): KeyRecord {
    const key = currentKey(this.#records, this.#options.clock.now());
    if (key === undefined) throw new TypeError("There is no signing key yet: call rotate() at the start.");
    return key;
  }

  /** The public key of exactly this id, while tokens that it signed may be good. */
  readonly keyOf = (kid: string): PublicKeyJwk | undefined => this.#keyOf(kid);

  /** The key set for others to verify with. It has no private members. */
  published(): KeySet {
    return publicKeys(this.#records, this.#options.clock.now(), this.#policy);
  }
}

/** Finds keys by exact id. An id that occurs twice finds none: nobody could say which one is meant. */
export function keysOf({ keys }: KeySet): (kid: string) => PublicKeyJwk | undefined {
  const byId = new Map<string, PublicKeyJwk | undefined>();
  for (const { kid, kty, crv, x } of keys) {
    byId.set(kid, byId.has(kid) ? undefined : { kty, crv, x });
  }
  return (kid) => byId.get(kid);
}

/** The most keys that are read from a set. */
const KEYS_MAX = 32;

/**
 * Reads a key set that came from elsewhere: its Ed25519 signature keys; others are passed over.
 * Undefined when it is no key set, or has a private key in it: whoever publishes that has lost it.
 */
export function readKeySet(value: Json): KeySet | undefined {
  if (!isObject(value) || !Array.isArray(value["keys"])) return undefined;
  const entries: readonly Json[] = value["keys"];
  const keys: KeySet["keys"][number][] = [];
  for (const entry of entries.slice(0, KEYS_MAX)) {
    if (!isObject(entry)) return undefined;
    const { kty, crv, x, kid, alg = "EdDSA", use = "sig", d } = entry;
    if (d !== undefined) return undefined;
    if (kty !== "OKP" || crv !== "Ed25519" || alg !== "EdDSA" || use !== "sig") continue;
    if (typeof kid !== "string" || typeof x !== "string" || fromBase64Url(x)?.length !== 32) continue;
    keys.push({ kty, crv, x, kid, alg, use });
  }
  return { keys };
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
