/** Hints: how replicas of a service wake one another after a commit, so that nobody waits for the next look. */

/** Tells others that something was committed. Best effort: a hint may get lost, and whoever listens looks anyway. */
export interface Hints {
  /** Wakes the other replicas of a service. Never throws, and never waits. */
  tell(service: string): void;
  /** Calls the listener when another replica of the service told something. Returns what ends it. */
  onTold(service: string, listener: () => void): () => void;
}
