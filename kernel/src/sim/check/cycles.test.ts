/** The search for cycles against all cycles of small graphs. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cycle, cycleName, cyclesOf } from "./cycles.ts";
import { type Dependency, EdgeList, dependencyText } from "./dependencies.ts";

/** Every way from a node back to itself that meets no other node twice, from its lowest node. */
function allCycles(edges: readonly Dependency[]): readonly Cycle[] {
  const cycles: Cycle[] = [];
  const extend = (way: readonly Dependency[], first: number, last: number): void => {
    for (const edge of edges) {
      if (edge.from !== last) continue;
      if (edge.to === first) cycles.push([...way, edge]);
      else if (edge.to > first && !way.some(({ to }) => to === edge.to)) extend([...way, edge], first, edge.to);
    }
  };
  for (const first of new Set(edges.map(({ from }) => from))) extend([], first, first);
  return cycles;
}

const NODES = 9;
const anyNode = fc.nat(5);
const anyEdge = fc.record({ from: anyNode, to: anyNode, kind: fc.constantFrom("ww", "wr", "rw", "rw", "rt") });
const anySide = fc.uniqueArray(anyNode, { maxLength: 5 });
const anyOvertaken = fc.record({ readers: anySide, writers: anySide });

/** A graph, and its edges without junctions and rings. */
function built(
  direct: readonly Pick<Dependency, "from" | "to" | "kind">[],
  overtaken: readonly { readonly readers: readonly number[]; readonly writers: readonly number[] }[],
): { readonly edges: EdgeList; readonly pairs: readonly Dependency[] } {
  const edges = new EdgeList(NODES);
  for (const edge of direct) edges.add(edge);
  const pairs = [...edges.dependencies];
  for (const { readers, writers } of overtaken) {
    edges.addOvertaken(
      "x",
      new Map(readers.map((reader) => [reader, undefined])),
      new Map(writers.map((to) => [to, to])),
    );
    for (const from of readers) for (const to of writers) if (from !== to) pairs.push({ from, to, kind: "rw" });
  }
  return { edges, pairs };
}

function holds(edges: EdgeList, pairs: readonly Dependency[]): number {
  const found = cyclesOf(edges);
  for (const cycle of found) {
    for (const [at, edge] of cycle.entries()) {
      assert.equal(edge.to, cycle[(at + 1) % cycle.length]?.from);
      assert.ok(pairs.some(({ from, to, kind }) => from === edge.from && to === edge.to && kind === edge.kind));
    }
    assert.equal(new Set(cycle.map(({ from }) => from)).size, cycle.length, "meets a node twice");
    assert.equal(cycle[0]?.from, Math.min(...cycle.map(({ from }) => from)));
  }
  const names = new Set(found.map(cycleName));
  const all = new Set(allCycles(pairs).map(cycleName));
  for (const name of ["G0", "G1c", "G-single"] as const) assert.equal(names.has(name), all.has(name), name);
  // What is worse stands for what is less so where both are entangled.
  const worse = [...all].filter((name) => !name.endsWith("-realtime"));
  const isSnapshotBroken = [...all].some((name) => ["G0", "G1c", "G-single", "G-nonadjacent"].includes(name));
  assert.equal(
    [...names].some((name) => ["G0", "G1c", "G-single", "G-nonadjacent"].includes(name)),
    isSnapshotBroken,
  );
  assert.equal(
    [...names].some((name) => !name.endsWith("-realtime")),
    worse.length > 0,
  );
  assert.equal(names.size > 0, all.size > 0);
  return all.size;
}

void test("each sort of cycle is found where there is one, and is one", () => {
  let several = 0;
  fc.assert(
    fc.property(
      fc.array(anyEdge, { maxLength: 12, size: "max" }),
      fc.array(anyOvertaken, { maxLength: 2 }),
      (direct, overtaken) => {
        const { edges, pairs } = built(direct, overtaken);
        if (holds(edges, pairs) > 1) several += 1;
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(several > 100, `${several} graphs with several sorts`);
});

void test("a cycle that snapshot isolation forbids is found behind a shorter one that it allows", () => {
  // 0 and 1 overtake one another, which is write skew; and 0 overtakes 2, before 3, before 1, which overtakes 4, before 0.
  const others = [
    { from: 1, to: 0, kind: "rw" },
    { from: 0, to: 2, kind: "rw" },
    { from: 2, to: 3, kind: "ww" },
    { from: 3, to: 1, kind: "wr" },
    { from: 1, to: 4, kind: "rw" },
    { from: 4, to: 0, kind: "wr" },
  ] as const;
  const direct = built([...others, { from: 0, to: 1, kind: "rw" }], []);
  const byJunction = built(others, [{ readers: [0, 5, 6], writers: [1, 7, 8] }]);
  for (const { edges, pairs } of [direct, byJunction]) {
    holds(edges, pairs);
    assert.deepEqual(cyclesOf(edges).map(cycleName), ["G-nonadjacent"]);
  }
});

void test("a way that meets a transaction twice is cut down to a cycle", () => {
  // From 0 to 15 by rw and ww in turn; there no rw may follow, so the way goes round 16 to 19 before it leads back to 0.
  const alternating = (from: number, to: number): Dependency[] =>
    Array.from({ length: to - from }, (_, at) => ({
      from: from + at,
      to: from + at + 1,
      kind: at % 2 === 0 ? "rw" : "ww",
    }));
  const edges = new EdgeList(21);
  const all = [
    ...alternating(0, 15),
    { from: 15, to: 16, kind: "wr" },
    ...alternating(16, 19),
    { from: 19, to: 15, kind: "ww" },
    { from: 15, to: 20, kind: "rw" },
    { from: 20, to: 0, kind: "ww" },
  ] as const;
  for (const edge of all) edges.add(edge);
  holds(edges, all);
  const [cycle] = cyclesOf(edges);
  assert.deepEqual(
    cycle?.map(({ from }) => from),
    [15, 16, 17, 18, 19],
  );
});

void test("edges are printed with their lists, and times without", () => {
  const edge = { from: 0, to: 1, key: "x" } as const;
  assert.equal(dependencyText({ ...edge, kind: "ww", before: 1, after: 2 }), "ww(x: 1 before 2)");
  assert.equal(dependencyText({ ...edge, kind: "wr", after: 2 }), "wr(x: 2 was seen)");
  assert.equal(dependencyText({ ...edge, kind: "rw", before: 1, after: 2 }), "rw(x: up to 1 was seen before 2)");
  assert.equal(dependencyText({ from: 0, to: 1, kind: "rt", before: 5, after: 7 }), "rt(5 before 7)");
});
