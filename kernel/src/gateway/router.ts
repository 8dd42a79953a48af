/** Finds the route of a request: a tree of path segments, static ones before `:fields`. */

/** What a path and a method lead to. */
export interface RouteMatch<T> {
  readonly target: T;
  /** The values of the `:fields` in the order of the path, still percent-encoded. */
  readonly values: readonly string[];
}

/** What {@link Router.match} finds: a route, or the methods that the path has, or nothing. */
export type RouteResult<T> = RouteMatch<T> | { readonly allow: readonly string[] } | undefined;

interface Node<T> {
  readonly statics: Map<string, Node<T>>;
  field: Node<T> | undefined;
  readonly targets: Map<string, { readonly target: T; readonly name: string }>;
}

const node = <T>(): Node<T> => ({ statics: new Map(), field: undefined, targets: new Map() });
const NO_VALUES: readonly string[] = [];
const SLASH = 47;

/**
 * Routes by method and path. Paths are compared byte for byte, percent-encoded as they are, so nothing that a
 * decoder would make of them (`..`, a slash) can lead elsewhere.
 */
export class Router<T> {
  readonly #root: Node<T> = node();
  /** Paths without fields, found without walking. */
  readonly #statics = new Map<string, Node<T>>();

  /**
   * Adds a route; `name` is for messages.
   * @throws {TypeError} when another route has the same method and shape, or a `:field` is only part of a segment.
   */
  add(method: string, path: string, name: string, target: T): void {
    let at = this.#root;
    let isStatic = true;
    for (const segment of path.slice(1).split("/")) {
      if (segment.startsWith(":")) {
        isStatic = false;
        at.field ??= node();
        at = at.field;
      } else {
        at = child(at, segment);
      }
      if (segment.lastIndexOf(":") > 0) {
        throw new TypeError(`${name}: in the path ${path} a :field must be a whole segment.`);
      }
    }
    const other = at.targets.get(method);
    if (other !== undefined) {
      throw new TypeError(`${name} and ${other.name} are both at ${method} ${path}. Move one of them.`);
    }
    at.targets.set(method, { target, name });
    if (isStatic) this.#statics.set(path, at);
  }

  /** The route of a request; HEAD goes where GET does when it has no route of its own. */
  match(method: string, path: string): RouteResult<T> {
    const direct = this.#statics.get(path);
    if (direct !== undefined) {
      const target = targetOf(direct, method);
      if (target !== undefined) return { target, values: NO_VALUES };
    }
    if (path.charCodeAt(0) !== SLASH) return undefined;
    const values: string[] = [];
    const allow = new Set<string>();
    const target = this.#walk(this.#root, method, path, 1, values, allow);
    if (target !== undefined) return { target, values };
    return allow.size === 0 ? undefined : { allow: [...allow].toSorted() };
  }

  /** As deep as the tree at most, however long the path. */
  // oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
  #walk(at: Node<T>, method: string, path: string, from: number, values: string[], allow: Set<string>): T | undefined {
    const slash = path.indexOf("/", from);
    const segment = slash < 0 ? path.slice(from) : path.slice(from, slash);
    const next = at.statics.get(segment);
    if (next !== undefined) {
      const found = this.#step(next, method, path, slash, values, allow);
      if (found !== undefined) return found;
    }
    if (at.field === undefined || segment === "") return undefined;
    values.push(segment);
    const found = this.#step(at.field, method, path, slash, values, allow);
    if (found === undefined) values.pop();
    return found;
  }

  // oxlint-disable-next-line max-params -- on the hot path: an object a call would cost more than it says
  #step(
    next: Node<T>,
    method: string,
    path: string,
    slash: number,
    values: string[],
    allow: Set<string>,
  ): T | undefined {
    if (slash >= 0) return this.#walk(next, method, path, slash + 1, values, allow);
    const target = targetOf(next, method);
    if (target === undefined) {
      for (const known of next.targets.keys()) allow.add(known);
    }
    return target;
  }
}

function targetOf<T>(at: Node<T>, method: string): T | undefined {
  const found = at.targets.get(method) ?? (method === "HEAD" ? at.targets.get("GET") : undefined);
  return found?.target;
}

function child<T>(at: Node<T>, segment: string): Node<T> {
  let next = at.statics.get(segment);
  if (next === undefined) {
    next = node();
    at.statics.set(segment, next);
  }
  return next;
}
