import { expect, setDefaultTimeout, test } from "bun:test";
import { available as hasRedis, startRedis } from "./redis.ts";
import { startRedisCluster } from "./redis-cluster.ts";
import { createFolder, eventually, newSession, open, user } from "./storage-pairs.ts";

// A writer dies, and Redis has lost its mark.

setDefaultTimeout(120_000);

/** After this time without an answer, the masters consider a master dead. */
const NODE_TIMEOUT_MS = 2_000;
/** How long an update that began before Redis went down may still take. */
const LEAST_CLOSED_MS = 7_500;

const KINDS = [
  ["Redis", async () => startRedis()],
  ["Redis Cluster", async () => startRedisCluster(NODE_TIMEOUT_MS)],
] as const;

test.concurrent.each(KINDS.filter(() => hasRedis))(
  "%s that comes back empty is not filled while an update without its mark may go on",
  async (_kind, start) => {
    await using redis = await start();
    const servers = "masters" in redis ? redis.masters : [redis];
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    await using storage = await open({ redisUrl, ...folder });
    const { sessions } = storage;
    expect(await sessions.lease("grace")).toBeDefined();
    await sessions.open(newSession("s1", user("grace")));

    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(servers.map((server) => server.restart()));
    const backAfter = performance.now();
    const isBack = () =>
      sessions.open(newSession("s2", user("grace"))).then(
        () => true,
        () => false,
      );
    await eventually("it is back", isBack);

    expect(await sessions.lease("grace")).toBeUndefined();
    await eventually("it is filled", async () => (await sessions.lease("grace")) !== undefined);
    expect(performance.now() - backAfter).toBeGreaterThan(LEAST_CLOSED_MS);
  },
);
