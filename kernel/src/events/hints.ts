/**
 * Hints between the replicas of a service: that something was committed which another should look at. They only save
 * time; whoever hears none looks by itself after a while.
 */

/** Tells other processes, at best. Never throws and never waits. */
export interface Hints {
  /** Says that there is something new under a topic, `orders.log`. */
  tell(topic: string): void;
  /** Calls the listener when another process said so. Returns what ends it. */
  onTold(topic: string, listener: () => void): () => void;
}
