/** Directed graphs of many nodes: strongly connected components and shortest paths, without recursion. */

/** An edge; nodes are numbers from 0. */
export interface Arc {
  readonly from: number;
  readonly to: number;
}

/** A graph that does not change. */
export class Graph<A extends Arc> {
  readonly size: number;
  readonly #arcs: readonly A[];
  /** The arcs of a node are those from its offset up to the next node's. */
  readonly #offsets: Int32Array;

  constructor(size: number, arcs: readonly A[]) {
    this.size = size;
    this.#offsets = new Int32Array(size + 1);
    for (const { from } of arcs) this.#offsets[from + 1] = (this.#offsets[from + 1] ?? 0) + 1;
    for (let node = 0; node < size; node += 1)
      this.#offsets[node + 1] = (this.#offsets[node + 1] ?? 0) + (this.#offsets[node] ?? 0);
    const free = this.#offsets.slice();
    const sorted: A[] = arcs.slice();
    for (const arc of arcs) {
      const place = free[arc.from] ?? 0;
      sorted[place] = arc;
      free[arc.from] = place + 1;
    }
    this.#arcs = sorted;
  }

  /** All arcs, those of a node together. */
  get arcs(): readonly A[] {
    return this.#arcs;
  }

  /** The number of each node's strongly connected component (Tarjan, 1972). */
  components(): Int32Array {
    const tarjan = new Tarjan(this.#offsets, this.#arcs, this.size);
    for (let node = 0; node < this.size; node += 1) tarjan.visit(node);
    return tarjan.component;
  }

  /** The shortest way between two nodes, through nodes that `isIn` allows, or undefined if there is none. */
  path(from: number, to: number, search: PathSearch): readonly A[] | undefined {
    const reached = new Map<number, A | undefined>([[from, undefined]]);
    const queue = [from];
    for (let at = 0; at < queue.length; at += 1) {
      const node = queue[at] ?? 0;
      for (let index = this.#offsets[node] ?? 0; index < (this.#offsets[node + 1] ?? 0); index += 1) {
        search.stepsLeft -= 1;
        const arc = this.#arcs[index] as A;
        if (reached.has(arc.to) || !search.isIn(arc.to)) continue;
        reached.set(arc.to, arc);
        if (arc.to === to) return wayTo(to, reached);
        queue.push(arc.to);
      }
      if (search.stepsLeft <= 0) return undefined;
    }
    return undefined;
  }
}

/** What a search for paths may use. `stepsLeft` counts down with every arc that is looked at. */
export interface PathSearch {
  readonly isIn: (node: number) => boolean;
  stepsLeft: number;
}

function wayTo<A extends Arc>(to: number, reached: ReadonlyMap<number, A | undefined>): readonly A[] {
  const way: A[] = [];
  for (let arc = reached.get(to); arc !== undefined; arc = reached.get(arc.from)) way.push(arc);
  return way.reverse();
}

/** Tarjan's search, with its own stack: a chain of 50,000 transactions is deeper than the machine's. */
class Tarjan {
  readonly component: Int32Array;
  readonly #offsets: Int32Array;
  readonly #arcs: readonly Arc[];
  /** When a node was met, and the earliest node that is known to be in its component; 0 is never. */
  readonly #met: Int32Array;
  readonly #low: Int32Array;
  /** The next arc to look at. */
  readonly #next: Int32Array;
  /** Nodes that were met and have no component yet. */
  readonly #open: number[] = [];
  #clock = 0;
  #count = 0;

  constructor(offsets: Int32Array, arcs: readonly Arc[], size: number) {
    this.component = new Int32Array(size).fill(-1);
    this.#offsets = offsets;
    this.#arcs = arcs;
    this.#met = new Int32Array(size);
    this.#low = new Int32Array(size);
    this.#next = offsets.slice(0, size);
  }

  visit(root: number): void {
    if (this.#met[root] !== 0) return;
    const path = [this.#meet(root)];
    for (;;) {
      const node = path.at(-1);
      if (node === undefined) return;
      const child = this.#step(node);
      if (child !== undefined) {
        path.push(this.#meet(child));
        continue;
      }
      path.pop();
      if (this.#low[node] === this.#met[node]) this.#close(node);
      const parent = path.at(-1);
      if (parent !== undefined) this.#lower(parent, this.#low[node] ?? 0);
    }
  }

  #meet(node: number): number {
    this.#clock += 1;
    this.#met[node] = this.#clock;
    this.#low[node] = this.#clock;
    this.#open.push(node);
    return node;
  }

  /** A node that was not met yet, along one of the arcs left. */
  #step(node: number): number | undefined {
    const end = this.#offsets[node + 1] ?? 0;
    for (let index = this.#next[node] ?? 0; index < end; index += 1) {
      const to = this.#arcs[index]?.to ?? 0;
      if (this.#met[to] === 0) {
        this.#next[node] = index + 1;
        return to;
      }
      if (this.component[to] === -1) this.#lower(node, this.#met[to] ?? 0);
    }
    this.#next[node] = end;
    return undefined;
  }

  #lower(node: number, low: number): void {
    if (low < (this.#low[node] ?? 0)) this.#low[node] = low;
  }

  #close(root: number): void {
    for (;;) {
      const node = this.#open.pop();
      if (node === undefined) break;
      this.component[node] = this.#count;
      if (node === root) break;
    }
    this.#count += 1;
  }
}
