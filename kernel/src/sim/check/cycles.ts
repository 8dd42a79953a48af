/** Cycles of dependencies: each is an anomaly, named after its edges. */
import type { CycleName } from "./anomaly.ts";
import { type Dependency, type DependencyKind, type EdgeList, withoutJunctions } from "./dependencies.ts";
import { type Arc, Graph } from "./graph.ts";

/** A cycle without junctions. Its first edge leads from the transaction with the lowest index. */
export type Cycle = readonly Dependency[];

/** How many cycles are compared to find a short one in a component, and how many nodes this may meet in all. */
const TRIES_MAX = 8;
const TRIED_NODES_MAX = 50_000;
/** How many edges are looked at to tell G-single from G-nonadjacent, over the whole history. */
const SINGLE_STEPS_MAX = 5_000_000;

/**
 * The cycles of a history: for each kind of cycle, a short one of each strongly connected component that has one. G2 and
 * cycles through real time are only looked for where there is nothing worse, so each level of isolation is free of
 * cycles that it rules out exactly when none such is found.
 */
export function cyclesOf({ nodes, dependencies }: EdgeList): readonly Cycle[] {
  const components = new Graph(nodes, dependencies).components();
  // What is in no component is in no cycle. Of a good history nothing is left.
  const search = new CycleSearch(
    nodes,
    dependencies.filter(({ from, to }) => components[from] === components[to]),
  );
  search.add(["ww"], "ww");
  search.add(["ww", "wr"], "wr");
  search.addApart();
  search.add(["ww", "wr", "rw", "via"], "rw", { isLast: true });
  search.add(["ww", "wr", "rt"], "rt", { isLast: true });
  search.add(["ww", "wr", "rw", "via", "rt"], "rt", { isLast: true });
  return search.cycles;
}

/** What a cycle is called: by how many `rw` edges it has, and whether any two of them follow one another. */
export function cycleName(cycle: Cycle): CycleName | `${CycleName}-realtime` {
  const kinds = cycle.map(({ kind }) => kind);
  const name = nameOf(kinds);
  return kinds.includes("rt") ? `${name}-realtime` : name;
}

function nameOf(kinds: readonly DependencyKind[]): CycleName {
  const overtakes = kinds.filter((kind) => kind === "rw").length;
  if (overtakes === 0) return kinds.includes("wr") ? "G1c" : "G0";
  if (overtakes === 1) return "G-single";
  return hasNeighbours(kinds) ? "G2-item" : "G-nonadjacent";
}

/** Whether two `rw` edges follow one another. Snapshot isolation allows a cycle only if they do. */
function hasNeighbours(kinds: readonly DependencyKind[]): boolean {
  return kinds.some((kind, at) => kind === "rw" && kinds.at(at - 1) === "rw");
}

class CycleSearch {
  readonly cycles: Cycle[] = [];
  readonly #nodes: number;
  readonly #dependencies: readonly Dependency[];
  /** Nodes of components in which a cycle was found. */
  readonly #marked = new Set<number>();

  constructor(nodes: number, dependencies: readonly Dependency[]) {
    this.#nodes = nodes;
    this.#dependencies = dependencies;
  }

  /** Cycles of some kinds of edges through one of the kind `through`; with `isLast`, where none was found before. */
  add(kinds: readonly DependencyKind[], through: DependencyKind, { isLast = false } = {}): void {
    const graph = this.#graph(kinds);
    for (const part of partsOf(graph, ({ kind }) => kind === through)) {
      if (isLast && part.nodes.some((node) => this.#marked.has(node))) continue;
      for (const node of part.nodes) this.#marked.add(node);
      this.#keep(shortCycle(graph, part));
    }
  }

  /**
   * Cycles in which no two `rw` edges follow one another. In the graph searched each node is there twice: entered by
   * `rw`, from where no `rw` leads on, and entered otherwise. So its cycles are all of that sort, and all of these are in
   * it. Those with one `rw` edge are preferred: they are easier to understand.
   */
  addApart(): void {
    const graph = new Graph(this.#nodes * 2, this.#dependencies.flatMap(apartArcs));
    const direct = this.#graph(["ww", "wr", "via"]);
    const budget = { stepsLeft: SINGLE_STEPS_MAX };
    for (const part of partsOf(graph, ({ edge }) => edge.kind === "rw")) {
      const nodes = new Set(part.nodes.map((node) => node >> 1));
      for (const node of nodes) this.#marked.add(node);
      const edges = part.arcs.map(({ edge }) => edge);
      this.#keep(
        singleCycle(direct, edges, nodes, budget) ?? withoutDetours(shortCycle(graph, part).map(({ edge }) => edge)),
      );
    }
  }

  #graph(kinds: readonly DependencyKind[]): Graph<Dependency> {
    return new Graph(
      this.#nodes,
      this.#dependencies.filter(({ kind }) => kinds.includes(kind)),
    );
  }

  #keep(found: readonly Dependency[]): void {
    const cycle = withoutJunctions(found);
    const first = cycle.reduce((least, { from }, at) => (from < (cycle[least]?.from ?? 0) ? at : least), 0);
    this.cycles.push([...cycle.slice(first), ...cycle.slice(0, first)]);
  }
}

/** A strongly connected component, and those of its arcs that one asked for. */
interface Part<A extends Arc> {
  readonly nodes: number[];
  readonly arcs: A[];
}

/** The components that have an arc of the wanted sort inside: each such arc is in a cycle. */
function partsOf<A extends Arc>(graph: Graph<A>, isWanted: (arc: A) => boolean): readonly Part<A>[] {
  const components = graph.components();
  const parts = new Map<number, Part<A>>();
  for (const arc of graph.arcs) {
    const component = components[arc.from] ?? -1;
    if (component !== components[arc.to] || !isWanted(arc)) continue;
    const part = parts.get(component);
    if (part === undefined) parts.set(component, { nodes: [], arcs: [arc] });
    else part.arcs.push(arc);
  }
  for (const [node, component] of components.entries()) parts.get(component)?.nodes.push(node);
  return [...parts.values()];
}

/** The shortest cycle through one of the first arcs of a component. */
function shortCycle<A extends Arc>(graph: Graph<A>, { nodes, arcs }: Part<A>): readonly A[] {
  const inside = new Set(nodes);
  let shortest: readonly A[] = [];
  const tries = Math.min(TRIES_MAX, Math.ceil(TRIED_NODES_MAX / nodes.length));
  for (const arc of arcs.slice(0, tries)) {
    const back = graph.path(arc.to, arc.from, { isIn: (node) => inside.has(node), stepsLeft: Infinity });
    if (back === undefined) continue;
    if (shortest.length === 0 || back.length + 1 < shortest.length) shortest = [arc, ...back];
    if (shortest.length === 2) break;
  }
  return shortest;
}

/** A cycle with one `rw` edge, if there is one and it is found in time. */
function singleCycle(
  direct: Graph<Dependency>,
  overtakes: readonly Dependency[],
  nodes: ReadonlySet<number>,
  budget: { stepsLeft: number },
): Cycle | undefined {
  const isIn = (node: number): boolean => nodes.has(node);
  for (const edge of overtakes) {
    const search = { isIn, stepsLeft: budget.stepsLeft };
    const back = direct.path(edge.to, edge.from, search);
    budget.stepsLeft = search.stepsLeft;
    if (back !== undefined) return [edge, ...back];
    if (budget.stepsLeft <= 0) return undefined;
  }
  return undefined;
}

interface ApartArc extends Arc {
  readonly edge: Dependency;
}

/** An edge in the graph of {@link CycleSearch.addApart}: the node n, entered otherwise, is 2n, entered by `rw` it is 2n + 1. */
function apartArcs(edge: Dependency): readonly ApartArc[] {
  const [from, to] = [edge.from * 2, edge.to * 2];
  switch (edge.kind) {
    case "ww":
    case "wr":
      return [
        { from, to, edge },
        { from: from + 1, to, edge },
      ];
    case "rw":
      return [{ from, to: to + 1, edge }];
    // It goes on with the `rw` edge that led to the junction.
    case "via":
      return [{ from: from + 1, to: to + 1, edge }];
    case "rt":
      return [];
  }
}

/**
 * A closed way may meet a node twice. One of the two ways that it is made of has no two `rw` edges in a row either, so
 * what is cut off is either the cycle that is looked for or not missed.
 */
function withoutDetours(way: readonly Dependency[]): Cycle {
  const left: Dependency[] = [];
  const places = new Map<number, number>();
  for (const edge of way) {
    places.set(edge.from, left.length);
    left.push(edge);
    const start = places.get(edge.to);
    if (start === undefined) continue;
    const cycle = left.splice(start);
    for (const { from } of cycle) places.delete(from);
    if (!hasNeighbours(withoutJunctions(cycle).map(({ kind }) => kind))) return cycle;
  }
  return way;
}
