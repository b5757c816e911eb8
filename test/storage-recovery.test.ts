import { expect, setDefaultTimeout, test } from "bun:test";
import { available as hasRedis, startRedis } from "./redis.ts";
import { startRedisCluster } from "./redis-cluster.ts";
import { createFolder, eventually, open, user } from "./storage-pairs.ts";

// The mark of a writer that has died, in a Redis that has forgotten it.

setDefaultTimeout(120_000);

/** The masters take one another for dead after this. */
const NODE_TIMEOUT_MS = 2_000;
/** What an update may still take that was begun before Redis went; less is too little. */
const LEAST_CLOSED_MS = 7_500;

const KINDS = [
  ["Redis", async () => startRedis()],
  ["Redis Cluster", async () => startRedisCluster(NODE_TIMEOUT_MS)],
] as const;

test.concurrent.each(KINDS.filter(() => hasRedis))(
  "%s that comes back empty is not filled while an update may go on whose mark is gone",
  async (_kind, start) => {
    await using redis = await start();
    const servers = "masters" in redis ? redis.masters : [redis];
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    await using storage = await open({ redisUrl, ...folder });
    const { sessions } = storage;
    expect(await sessions.lease("grace")).toBeDefined();
    await sessions.open("s1", user("grace"), undefined);

    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(servers.map((server) => server.restart()));
    const backAfter = performance.now();
    const isBack = () =>
      sessions.open("s2", user("grace"), undefined).then(
        () => true,
        () => false,
      );
    await eventually("it is back", isBack);

    expect(await sessions.lease("grace")).toBeUndefined();
    await eventually("it is filled", async () => (await sessions.lease("grace")) !== undefined);
    expect(performance.now() - backAfter).toBeGreaterThan(LEAST_CLOSED_MS);
  },
);
