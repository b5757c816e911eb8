import { randomUUID } from "node:crypto";
import { type Cluster, Command, type Redis } from "ioredis";
import type { Log } from "../../rpc/log.ts";
import type {
  FoundSession,
  Lease,
  NewSession,
  OpenedSession,
  StoredSession,
} from "../../user/stores.ts";
import type { ObserveOperation } from "../observe.ts";
import { entryOf, parseEntry, sessionsOf } from "./entry.ts";
import {
  endedKey,
  hasBraces,
  indexKey,
  keysOf,
  latestLeaseKey,
  leaseKey,
  profileArguments,
  sessionKey,
} from "./keys.ts";
import { wouldWrite } from "./probe.ts";
import { type Limits, REPEAT_MS, RedisSessions } from "./sessions.ts";

/** The slots of a cluster, as CLUSTER INFO writes their number. */
const SLOTS = "16384";
/** No session id begins like this: the keys never exist. */
const PROBE_KEY = "session:probe";
/** At most this many keys are tried to find one for each master. */
const PROBE_KEYS = 1_000;

/** Sessions in a Redis Cluster: one command for the session and one for the user. */
export class ClusterSessions extends RedisSessions<Cluster> {
  constructor(redis: Cluster, limits: Limits, log: Log, observe?: ObserveOperation) {
    super(redis, limits, log, observe);
    for (const node of redis.nodes()) this.recovery.watch(node);
    redis.on("+node", (node: Redis) => this.recovery.watch(node));
  }

  /**
   * Read the session first, since it names the user. The profile is as fresh as the second read. If
   * the session ends between the two, the name may get a new owner. A mark then shows it for at
   * least `leaseMs`, so with a mark, or after that time, the session must still be there.
   */
  find(sessionId: string): Promise<FoundSession | undefined> {
    return this.attempt("read session", async () => {
      const startedAtMs = performance.now();
      const username = await this.redis.get(sessionKey(sessionId));
      if (username === null) return undefined;
      const [profile, dirty] = keysOf(username);
      // In this order: a mark of a new owner is set before that profile is cached.
      const [[nickname, profilePath], isMarked] = await Promise.all([
        this.redis.hmget(profile, "nickname", "profilePath"),
        this.redis.exists(dirty),
      ]);
      const isSure = isMarked === 0 && performance.now() - startedAtMs < this.limits.leaseMs;
      const isLive = isSure || (await this.redis.get(sessionKey(sessionId))) === username;
      return isLive ? this.found(username, nickname, profilePath) : undefined;
    });
  }

  /**
   * The session and its entry in the index are stored at the same time, in two slots. If one of
   * them fails, the sign-in fails, and the client does not learn the session id.
   *
   * docs/cache.md says why no session is missed by an `endAll` that runs at the same time: an
   * ended session cannot be stored any more, and a session that is indexed too late is rechecked.
   */
  open(session: NewSession): Promise<OpenedSession> {
    return this.attempt("open session", async () => {
      const { sessionId, profile, replaces } = session;
      const { username } = profile;
      // First, so that they do not count.
      if (replaces) await this.#end(username, replaces);
      const keys = [sessionKey(sessionId), endedKey(sessionId)] as const;
      const storing = this.redis.storeSession(...keys, username, this.limits.ttlMs);
      const [stored, indexed] = await Promise.allSettled([storing, this.#index(session)]);
      if (stored.status === "rejected") throw stored.reason;
      if (indexed.status === "rejected") {
        // It expires if this fails, too.
        this.#end(username, [sessionId]).catch(() => undefined);
        throw indexed.reason;
      }
      const [isCurrent, oldest] = indexed.value;
      const tooMany = oldest.map((entry) => parseEntry(entry).sessionId);
      if (tooMany.length > 0) await this.#end(username, tooMany);
      const isSure = stored.value === 1 && isCurrent === 1 && !this.recovery.isActive;
      return { mustRecheck: !isSure };
    });
  }

  list(username: string): Promise<StoredSession[]> {
    return this.attempt("list sessions", async () => {
      const sessions = sessionsOf(await this.redis.lrange(indexKey(username), 0, -1));
      const owners = await Promise.all(
        sessions.map(({ sessionId }) => this.redis.get(sessionKey(sessionId))),
      );
      const isLive = (_: StoredSession, at: number) => owners[at] === username;
      // A session may be indexed just before it is stored.
      const settledAtMs = Date.now() - REPEAT_MS;
      const gone = sessions.filter(
        (session, at) => !isLive(session, at) && session.createdAtMs < settledAtMs,
      );
      if (gone.length > 0) await this.#end(username, idsOf(gone));
      return sessions.filter(isLive);
    });
  }

  end(username: string, sessionIds: readonly string[]): Promise<number> {
    return this.attempt("end sessions", () => this.#end(username, sessionIds));
  }

  endAll(username: string, except?: string): Promise<number> {
    return this.attempt("end sessions", async () => {
      const entries = await this.redis.lrange(indexKey(username), 0, -1);
      const ids = idsOf(sessionsOf(entries)).filter((id) => id !== except);
      return ids.length > 0 ? this.#end(username, ids) : 0;
    });
  }

  lease(username: string): Promise<Lease | undefined> {
    return this.attempt("lease the cache", async () =>
      this.recovery.permit(await this.grant(username)),
    );
  }

  /**
   * Check that all slots are served and that the masters take writes. Any node knows which slots
   * are served, once the cluster has noticed a node that does not answer.
   */
  ping(): Promise<void> {
    return this.attempt("ping Redis", async () => {
      const writes = keysOfMasters(this.redis).map((key) => wouldWrite(this.redis, key));
      const [info] = await Promise.all([this.redis.cluster("INFO"), ...writes]);
      const served = /^cluster_slots_ok:(\d+)/m.exec(`${info}`)?.[1] ?? "none";
      if (/^cluster_state:ok/m.test(`${info}`) && served === SLOTS) return;
      throw new Error(`${served} of ${SLOTS} slots are served`);
    });
  }

  protected latestLease(username: string): string {
    return latestLeaseKey(username);
  }

  protected async closeStored(sessionId: string, session: string, closed: string) {
    const username = await this.redis.closeSession(session, closed, REPEAT_MS);
    if (username !== null) this.#forgetInBackground(username, [sessionId]);
    return username;
  }

  #index(session: NewSession): Promise<[isCurrent: 0 | 1, oldest: string[]]> {
    const { profile, lease } = session;
    const { ttlMs, sessionsMax } = this.limits;
    const { username } = profile;
    const createdAtMs = Date.now();
    const entry = entryOf({ ...session, createdAtMs, expiresAtMs: createdAtMs + ttlMs });
    return this.redis.indexSession(
      ...keysOf(username),
      indexKey(username),
      lease ?? leaseKey(username, "none"),
      entry,
      sessionsMax,
      ttlMs,
      ...profileArguments(profile),
    );
  }

  /** The entries go last, so that a session that lives is in the index. */
  async #end(username: string, sessionIds: readonly string[]): Promise<number> {
    const ending = randomUUID();
    const ids = sessionIds.filter((id) => !hasBraces(id));
    const ended = await Promise.all(
      ids.map((id) => {
        const keys = [sessionKey(id), endedKey(id)] as const;
        return this.redis.endSession(...keys, username, ending, REPEAT_MS);
      }),
    );
    await this.redis.forgetSessions(indexKey(username), ...sessionIds);
    return ended.reduce<number>((sum, each) => sum + each, 0);
  }

  /** An entry without a session does no harm. */
  #forgetInBackground(username: string, sessionIds: readonly string[]): void {
    this.redis.forgetSessions(indexKey(username), ...sessionIds).catch((err: unknown) => {
      this.log.debug({ err }, "cannot remove a session from its index");
    });
  }
}

function idsOf(sessions: readonly StoredSession[]): string[] {
  return sessions.map(({ sessionId }) => sessionId);
}

/** A key for each master, in one of its slots. */
function keysOfMasters({ slots }: Cluster): string[] {
  const masters = new Set(Object.values(slots).map(([master]) => master));
  const keys: string[] = [];
  // The keys spread over all slots. A master with very few slots may get no key.
  for (let n = 0; masters.size > 0 && n < PROBE_KEYS; n++) {
    const key = `${PROBE_KEY}:${n}`;
    if (masters.delete(slots[slotOf(key)]?.[0])) keys.push(key);
  }
  return keys;
}

function slotOf(key: string): number {
  return Number(new Command("set", [key]).getSlot());
}
