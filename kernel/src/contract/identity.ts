/** Who stands behind a call. */

/** The end user behind a call: a registered user, or a guest who holds a token. */
export interface Identity {
  /** The stable id of the user or guest. */
  readonly subject: string;
  readonly roles: readonly string[];
  /** Whether this is a guest with a token and not somebody who signed in. */
  readonly guest: boolean;
  /** The session that the token came from, where there is one. */
  readonly session?: string;
  /**
   * Whether a service says so, without the user's token: a saga that goes on long after the user has left. Then it tells
   * for whom something is done, and gives no right to it: only rules for services let such a call in.
   */
  readonly asserted?: boolean;
}
