import type { Cluster, Redis } from "ioredis";
import type { StoredSession } from "../../user/stores.ts";
import { attempt } from "../attempt.ts";
import type { MovedSessions } from "../move.ts";
import { entryOf } from "./entry.ts";
import { HISTORY_KEY, INDEX_RESERVE_MS, indexKey, sessionKey } from "./keys.ts";

/** Names the move that fills this Redis. It is neither a user's key nor a session's. */
const MARK = "move";
/** An interrupted move can go on within this time. By then, most sessions have expired. */
const MARK_MS = 24 * 60 * 60_000;
/** How far the end of a session may be from the original, since commands take time. */
const TOLERANCE_MS = 10_000;

/** Replaces the index of a user. */
const INDEX = `redis.call("DEL", KEYS[1])
redis.call("RPUSH", KEYS[1], unpack(ARGV, 2))
redis.call("PEXPIRE", KEYS[1], ARGV[1])`;

/** The Redis that the sessions of an installation move into. */
export class RedisMoveTarget {
  /** Such as "Redis at 10.0.0.5:6379". */
  readonly name: string;
  readonly #redis: Redis | Cluster;

  /** @param redis is connected; it is owned and closed by this */
  constructor(name: string, redis: Redis | Cluster) {
    this.name = name;
    this.#redis = redis;
  }

  /** What is in the Redis and does not belong to this move; undefined if there is nothing. */
  foreign(move: string | undefined): Promise<string | undefined> {
    return this.#attempt("check", async () => {
      const mark = await this.#redis.get(MARK);
      if (mark !== null) return mark === move ? undefined : "another installation moves there";
      const nodes = "nodes" in this.#redis ? this.#redis.nodes("master") : [this.#redis];
      const sizes = await Promise.all(nodes.map((node) => node.dbsize()));
      // A server that has been started on it leaves this key, which is about no user.
      const ours = await this.#redis.exists(HISTORY_KEY);
      const keys = sizes.reduce((sum, size) => sum + size, -ours);
      return keys > 0 ? `it has ${keys} keys` : undefined;
    });
  }

  /** Mark an empty Redis as the target of this move. @throws {StorageError} it is not empty */
  claim(move: string): Promise<void> {
    return this.#attempt("claim", async () => {
      await this.#redis.set(MARK, move, "PX", MARK_MS, "NX");
      if ((await this.#redis.get(MARK)) !== move) throw new Error("another move has begun there");
      await this.#redis.pexpire(MARK, MARK_MS);
    });
  }

  /** Store the sessions of some users with the rest of their lives. May be repeated. */
  store(users: readonly MovedSessions[]): Promise<void> {
    return this.#attempt("copy sessions to", async () => {
      await Promise.all(users.map((each) => this.#storeUser(each)));
    });
  }

  /** @returns what differs, one line for each user */
  compare(users: readonly MovedSessions[]): Promise<string[]> {
    return this.#attempt("read sessions of", async () => {
      const found = await Promise.all(users.map((each) => this.#compareUser(each)));
      return found.filter((each) => each !== undefined);
    });
  }

  complete(): Promise<void> {
    return this.#attempt("finish the move to", async () => {
      await this.#redis.del(MARK);
    });
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #storeUser({ username, sessions }: MovedSessions): Promise<void> {
    const left = sessions.map((session) => ({ session, ms: session.expiresAtMs - Date.now() }));
    const live = left.filter(({ ms }) => ms > 0);
    if (live.length === 0) return;
    const longestMs = Math.max(...live.map(({ ms }) => ms)) + INDEX_RESERVE_MS;
    const entries = live.map(({ session }) => entryOf(session));
    await Promise.all([
      this.#redis.eval(INDEX, 1, indexKey(username), longestMs, ...entries),
      ...live.map(({ session: { sessionId }, ms }) =>
        this.#redis.set(sessionKey(sessionId), username, "PX", ms),
      ),
    ]);
  }

  async #compareUser({ username, sessions }: MovedSessions): Promise<string | undefined> {
    const nowMs = Date.now();
    // A session that is about to end may be gone in the one place and not yet in the other.
    const live = sessions.filter(({ expiresAtMs }) => expiresAtMs - nowMs > 2 * TOLERANCE_MS);
    const entries = new Set(await this.#redis.lrange(indexKey(username), 0, -1));
    const areThere = await Promise.all(live.map((session) => this.#isThere(username, session)));
    const missing = areThere.filter((isThere) => !isThere).length;
    if (missing > 0) return `user "${username}": ${missing} sessions are missing or differ`;
    const unlisted = live.filter((session) => !entries.has(entryOf(session))).length;
    return unlisted > 0 ? `user "${username}": ${unlisted} sessions are not listed` : undefined;
  }

  async #isThere(username: string, session: StoredSession): Promise<boolean> {
    const key = sessionKey(session.sessionId);
    const beganAtMs = Date.now();
    const [owner, leftMs] = await Promise.all([this.#redis.get(key), this.#redis.pttl(key)]);
    // The end of the session is between these two.
    const [earliestMs, latestMs] = [beganAtMs + leftMs, Date.now() + leftMs];
    const isTooEarly = latestMs < session.expiresAtMs - TOLERANCE_MS;
    const isTooLate = earliestMs > session.expiresAtMs + TOLERANCE_MS;
    return owner === username && !isTooEarly && !isTooLate;
  }

  #attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
    return attempt(`${action} ${this.name} (REDIS_URL)`, work);
  }
}
