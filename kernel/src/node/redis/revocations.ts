/**
 * Revocations that gateways share through Redis: a sorted set by expiry, and a mark that changes with it. Each gateway
 * keeps a copy, looks at the mark several times a second and reads the set when it changed. So judging a request asks
 * nobody, and while Redis is lost what is known still counts.
 *
 * Across a crash of Redis: the set is empty. Gateways forget nothing for that, and whoever revokes tells it again.
 */
import { randomUUID } from "node:crypto";
import { MemoryRevocations, REVOCATIONS_MAX, type Revocation, type Revocations } from "../../guard/mod.ts";
import { type Clock, type FaultType, type Timer, defineFault } from "../../std/mod.ts";
import type { RedisLink } from "./link.ts";
import { REVOKED, REVOKED_MARK, type RedisNames } from "./names.ts";
import { RedisScript } from "./script.ts";

/** Redis did not take a revocation: gateways elsewhere may not have heard of it. Tell it again. */
export const RevocationUnshared: FaultType = defineFault({
  code: "kernel/revocation-unshared",
  kind: "unavailable",
  message: () => "What was revoked could not be told to all gateways. Tell it again; until then it may still be taken.",
});

/** Adds to the set, keeps it within its bound, and changes the mark when something is new. */
export const REVOKE: RedisScript = new RedisScript(`
local changed = 0
local last = 0
for at = 4, #ARGV, 2 do
  changed = changed + redis.call("ZADD", KEYS[1], "GT", "CH", ARGV[at], ARGV[at + 1])
end
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[1])
redis.call("ZREMRANGEBYRANK", KEYS[1], 0, -1 - tonumber(ARGV[2]))
local highest = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")[2]
if highest then redis.call("PEXPIREAT", KEYS[1], highest) end
if changed > 0 then redis.call("SET", KEYS[2], ARGV[3]) end
return changed
`);

/** How often a gateway looks whether something was revoked elsewhere, in milliseconds. */
const LOOK_MS = 200;
/** How long it may take to tell, and to read all: rare, and nobody's request waits for the reading. */
const TELL_MS = 100;
const READ_MS = 2_000;
/** How many are told in one step. */
const TELL_MAX = 500;

/** Revocations in Redis, with a copy here. */
export class RedisRevocations implements Revocations {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #clock: Clock;
  readonly #known: MemoryRevocations;
  readonly #set: string;
  readonly #mark: string;
  #seen: string | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(link: RedisLink, names: RedisNames, clock: Clock) {
    this.#link = link;
    this.#names = names;
    this.#clock = clock;
    this.#known = new MemoryRevocations(clock);
    this.#set = names.plain(REVOKED);
    this.#mark = names.plain(REVOKED_MARK);
    this.#again();
  }

  /** @throws {RevocationUnshared} */
  async revoke(revocations: readonly Revocation[]): Promise<void> {
    const hidden = revocations.map(({ id, untilMs }) => ({ id: this.#digest(id), untilMs }));
    this.#known.add(hidden);
    for (let at = 0; at < hidden.length; at += TELL_MAX) await this.#tell(hidden.slice(at, at + TELL_MAX));
  }

  isRevoked(id: string): boolean {
    return this.#known.size > 0 && this.#known.isRevoked(this.#digest(id));
  }

  /** Stops looking. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #tell(hidden: readonly Revocation[]): Promise<void> {
    const pairs = hidden.flatMap(({ id, untilMs }) => [String(Math.ceil(untilMs)), id]);
    const given = [String(this.#clock.now()), String(REVOCATIONS_MAX), randomUUID(), ...pairs];
    const told = await this.#link.ask((client) => REVOKE.run(client, [this.#set, this.#mark], given), TELL_MS);
    if (told === undefined) throw RevocationUnshared.with(undefined);
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(LOOK_MS, () => void this.#look().finally(() => this.#again()));
  }

  async #look(): Promise<void> {
    const mark = await this.#link.ask((client) => client.get(this.#mark), TELL_MS);
    if (typeof mark !== "string" || mark === this.#seen) return;
    const now = this.#clock.now();
    const all = await this.#link.ask((client) => client.zRangeByScoreWithScores(this.#set, now, "+inf"), READ_MS);
    if (all === undefined) return;
    this.#known.add(all.map(({ value, score }) => ({ id: value, untilMs: score })));
    this.#seen = mark;
  }

  #digest(id: string): string {
    return this.#names.digest(`revoked\n${id}`);
  }
}
