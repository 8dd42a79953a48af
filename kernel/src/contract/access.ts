/**
 * Who may call an operation. An operation without a rule is refused to everyone, and does not pass the
 * build; several rules are alternatives. The runtime decides, before the handler, on every hop.
 */

/** A rule of access. */
export type AccessRule =
  | { readonly kind: "anyone" }
  | { readonly kind: "user" }
  | { readonly kind: "owner" }
  | { readonly kind: "permission"; readonly permission: string }
  | { readonly kind: "services"; readonly services: readonly string[] };

/** Everybody, signed in or not. */
export const anyone: AccessRule = { kind: "anyone" };

/** Whoever carries an identity: a registered user or a guest with a token. */
export const user: AccessRule = { kind: "user" };

/**
 * The user that owns the object which the input names. The service tells who that is (`owners` of
 * `implement`), the runtime compares. To others the object is `missing`: its existence is not given away.
 */
export const owner: AccessRule = { kind: "owner" };

/** A user with a role that holds this permission, `service.what` (for example `orders.manage`). */
export function permission(name: string): AccessRule {
  return { kind: "permission", permission: name };
}

/** Other services, acting for themselves: whether or not a user stands behind the call. */
export function services(...names: readonly string[]): AccessRule {
  return { kind: "services", services: names };
}
