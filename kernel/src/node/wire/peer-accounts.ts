/**
 * What each peer takes of a server: connections, and memory for what it sends and for what it does not read. One workload
 * that is not itself any more, or only wrong, leaves room for all others.
 */
import { ByteBudget } from "../../wire/mod.ts";

const MIB = 1024 * 1024;

/** How much all connections of one peer may hold, and those of all peers: inputs of calls, and what waits to be read. */
const BOUNDS = {
  peer: { inputs: 64 * MIB, outputs: 128 * MIB },
  all: { inputs: 256 * MIB, outputs: 256 * MIB },
} as const;

/** What one peer has. */
export interface PeerAccount {
  readonly id: string;
  /** How many connections it has that are not being replaced or ended. */
  connections: number;
  readonly inputs: ByteBudget;
  readonly outputs: ByteBudget;
}

/** The peers of a server, by SPIFFE id. */
export class PeerAccounts {
  readonly #connectionsMax: number;
  readonly #inputs = new ByteBudget(BOUNDS.all.inputs);
  readonly #outputs = new ByteBudget(BOUNDS.all.outputs);
  readonly #accounts = new Map<string, PeerAccount>();

  /** `connectionsMax` is what each peer may have. */
  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  /** How many bytes are held for all of them. */
  get held(): { readonly inputs: number; readonly outputs: number } {
    return { inputs: this.#inputs.usedBytes, outputs: this.#outputs.usedBytes };
  }

  /** Takes in a connection of a peer. @throws {Error} when the peer has too many. */
  enter(id: string): PeerAccount {
    let account = this.#accounts.get(id);
    if (account === undefined) {
      const inputs = new ByteBudget(BOUNDS.peer.inputs, this.#inputs);
      const outputs = new ByteBudget(BOUNDS.peer.outputs, this.#outputs);
      account = { id, connections: 0, inputs, outputs };
      this.#accounts.set(id, account);
    }
    if (account.connections >= this.#connectionsMax)
      throw new Error(`${id} has ${account.connections} connections already, and no more are allowed.`);
    account.connections += 1;
    return account;
  }

  /** A connection of a peer ends, or is about to be replaced. What it still holds is given back by whoever took it. */
  leave(account: PeerAccount): void {
    account.connections -= 1;
    if (account.connections === 0 && account.inputs.usedBytes === 0 && account.outputs.usedBytes === 0)
      this.#accounts.delete(account.id);
  }
}
