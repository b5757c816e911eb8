import { expect } from "bun:test";
import { randomUUID } from "node:crypto";
import { Cluster, type Redis } from "ioredis";
import type { StorageOptions } from "../src/storage/open.ts";
import { RECOVERY_MS } from "../src/storage/redis/recovery.ts";
import type { SessionStore } from "../src/user/stores.ts";
import { sharedRedis } from "./redis.ts";
import { sharedRedisCluster } from "./redis-cluster.ts";
import { openRedis } from "./redis-keys.ts";
import { createFolder, eventually, newSession, open, user } from "./storage-pairs.ts";

/** The kinds of Redis on which sessions are tested. */
export const REDISES = [
  { name: "Redis", shared: sharedRedis },
  { name: "Redis Cluster", shared: sharedRedisCluster },
] as const;

/** Sessions in an empty Redis, and a raw client of the same database. */
export async function openSessions(
  shared: typeof sharedRedis | typeof sharedRedisCluster = sharedRedis,
  options: Partial<StorageOptions> = {},
) {
  const redisUrl = await (await shared()).createDatabase();
  const folder = await createFolder();
  const storage = await open({ redisUrl, dataDir: folder.dataDir }, options);
  const { keys, matching, ...raw } = await openRedis(redisUrl);
  return {
    sessions: storage.sessions,
    raw: keys,
    matching,
    redisUrl,
    /** As after a restart: Redis is up, without its data. */
    empty: () => emptyAll(keys),
    /** Wait until no reader can fill the cache with a row from before this user's last update. */
    async settle(username: string) {
      const mark = `{user:${username}}:dirty`;
      // On a slow machine, the mark may have expired already.
      expect([[], ["settling"]]).toContainEqual(await keys.smembers(mark));
      await eventually("it is settled", async () => (await keys.exists(mark)) === 0);
    },
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Servers do not fill the cache for a while, because Redis may have lost the writers' marks. */
export async function expectRecovery(
  sessions: SessionStore,
  username: string,
  healedAtMs: number,
): Promise<void> {
  const lease = await sessions.lease(username);
  if (performance.now() < healedAtMs + RECOVERY_MS) expect(lease).toBeUndefined();
  await eventually("it is over", async () => (await sessions.lease(username)) !== undefined);
  expect(performance.now()).toBeGreaterThan(healedAtMs + RECOVERY_MS);
}

async function emptyAll(redis: Redis | Cluster): Promise<void> {
  const servers = redis instanceof Cluster ? redis.nodes("master") : [redis];
  await Promise.all(servers.map((server) => server.flushdb()));
}

export async function leaseOf(sessions: SessionStore, username: string): Promise<string> {
  const lease = await sessions.lease(username);
  if (lease === undefined) throw new Error("No lease was granted");
  return lease;
}

/** Whether a reader that reads the row now may fill the cache; both ways to fill must agree. */
export async function isOpen(sessions: SessionStore, raw: Redis | Cluster, username: string) {
  // Opening a session again has no effect, so each reader has its own.
  const reader = `reader ${randomUUID()}`;
  await sessions.open(newSession(reader, user(username), await leaseOf(sessions, username)));
  const isOpenTo = [(await sessions.find(reader))?.profile !== undefined];
  await raw.del(`user:${username}`);
  await sessions.fill(user(username), await leaseOf(sessions, username));
  isOpenTo.push((await sessions.find(reader))?.profile !== undefined);
  expect(new Set(isOpenTo).size).toBe(1);
  return isOpenTo[0];
}
