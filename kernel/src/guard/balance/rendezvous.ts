/**
 * Rendezvous hashing: each instance has a number for each key, and the highest wins. When an instance comes or goes, only
 * its own keys move. https://en.wikipedia.org/wiki/Rendezvous_hashing
 */

/** A hash of 32 bits of a text (FNV-1a, with a finish that spreads it). */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return spread(hash);
}

/** How much an instance is wanted for a key, by the hashes of both and its weight: the highest has the key. */
export function rank(keyHash: number, instanceHash: number, weight: number): number {
  const unit = (spread(keyHash ^ instanceHash) + 0.5) / 2 ** 32;
  return -weight / Math.log(unit);
}

/** Murmur3's finish: each bit of the input changes half of the output. */
function spread(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
