import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { inspect } from "node:util";
import { Cluster, Redis } from "ioredis";
import type { StorageOptions } from "../src/storage/open.ts";
import { type SessionStore, StorageError } from "../src/user/stores.ts";
import { available as hasRedis, sharedRedis } from "./redis.ts";
import { sharedRedisCluster } from "./redis-cluster.ts";
import { openRedis } from "./redis-keys.ts";
import { createFolder, eventually, open, user } from "./storage-pairs.ts";

// What sessions in Redis promise beyond src/user/stores.ts: the keys, the cache under a lease, and
// how many round trips a look-up costs.

// The shared Redis may start within the first test, and the machine be slow.
setDefaultTimeout(90_000);

const OLD = user("grace", { nickname: "old" });
const NEW = user("grace", { nickname: "new" });

const REDISES = [
  { name: "Redis", shared: sharedRedis },
  { name: "Redis Cluster", shared: sharedRedisCluster },
] as const;

/** Sessions in an empty Redis, and a raw client of the same database. */
async function openSessions(
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
    /** As after a restart: Redis is there, and all that it knew is gone. */
    empty: () => emptyAll(keys),
    /** Until nobody fills any more who has read the row before the last update of this user. */
    async settle(username: string) {
      const mark = `{user:${username}}:dirty`;
      // None, where this machine has been slow.
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

async function emptyAll(redis: Redis | Cluster): Promise<void> {
  const servers = redis instanceof Cluster ? redis.nodes("master") : [redis];
  await Promise.all(servers.map((server) => server.flushdb()));
}

async function leaseOf(sessions: SessionStore, username: string): Promise<string> {
  const lease = await sessions.lease(username);
  if (lease === undefined) throw new Error("No lease was granted");
  return lease;
}

/** Whether a reader who reads the row now may fill the cache, in both of the ways there are. */
async function isOpen(sessions: SessionStore, raw: Redis | Cluster, username: string) {
  await sessions.open("reader", user(username), await leaseOf(sessions, username));
  const isOpenTo = [(await sessions.find("reader"))?.profile !== undefined];
  await raw.del(`user:${username}`);
  await sessions.fill(user(username), await leaseOf(sessions, username));
  isOpenTo.push((await sessions.find("reader"))?.profile !== undefined);
  expect(new Set(isOpenTo).size).toBe(1);
  return isOpenTo[0];
}

describe.skipIf(!hasRedis).each([...REDISES])("the keys in $name", ({ shared }) => {
  test("sessions are strings and profiles are hashes, under their prefixes, both with the TTL", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;

    await sessions.open("s1", OLD, await sessions.lease("grace"));

    const keys = await redis.matching("*");
    expect(keys.filter((key) => !/^\{user:(grace)?\}:lease:/.test(key))).toEqual([
      ...["session:s1", "user:grace"],
    ]);
    expect(await raw.get("session:s1")).toBe("grace");
    expect(await raw.hgetall("user:grace")).toEqual({
      username: "grace",
      nickname: "old",
      profilePath: "default.webp",
    });
    for (const key of ["session:s1", "user:grace"]) {
      expect(await raw.pttl(key)).toBeGreaterThan(1_700_000);
      expect(await raw.pttl(key)).toBeLessThanOrEqual(1_800_000);
    }
  });

  test("find() renews neither the session nor the profile", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await sessions.lease("grace"));
    await raw.pexpire("session:s1", 100_000);
    await raw.pexpire("user:grace", 100_000);

    expect((await sessions.find("s1"))?.profile?.nickname).toBe("old");

    expect(await raw.pttl("session:s1")).toBeLessThanOrEqual(100_000);
    expect(await raw.pttl("user:grace")).toBeLessThanOrEqual(100_000);
  });

  test("every key expires, also those of leases and of writers at work", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await sessions.lease("grace"));
    const expectAllToExpire = async (keys: readonly string[]) => {
      const found = await redis.matching("*");
      expect(found.filter((key) => !key.includes("lease:"))).toEqual([...keys]);
      for (const key of found) expect(await raw.pttl(key)).toBeGreaterThan(0);
    };

    await expectAllToExpire(["session:s1", "user:grace"]);
    await sessions.invalidating("grace", async () => {
      await expectAllToExpire(["session:s1", "{user:grace}:dirty"]);
    });
    await expectAllToExpire(["session:s1", "{user:grace}:dirty"]);
    await redis.settle("grace");
    await expectAllToExpire(["session:s1"]);
  });
});

describe.skipIf(!hasRedis)("one Redis", () => {
  test("a key that is somebody else's costs its user the cache, and others nothing", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, undefined);
    await raw.set("user:grace", "not a hash");
    await raw.rpush("session:s4", "no session");
    const alice = user("alice");
    const lease = await sessions.lease("alice");
    // In one script each.
    await Promise.all([
      sessions.open("s2", OLD, await sessions.lease("grace")),
      sessions.open("s3", alice, lease),
    ]);
    const ids = ["s1", "s2", "s3", "s4"];
    const [grace, , found, none] = await Promise.all(ids.map((id) => sessions.find(id)));
    expect(grace).toEqual({ username: "grace" });
    expect(none).toBeUndefined();
    expect(found?.profile?.username).toBe("alice");
  });

  test("a writer at work on one user closes the cache for that one alone", async () => {
    await using redis = await openSessions();
    const { sessions } = redis;
    const names = ["alice", "grace", "bob"];
    await sessions.invalidating("grace", async () => {
      const lease = await sessions.lease("grace");
      // In one script.
      await Promise.all(names.map((name) => sessions.open(name, user(name), lease)));
    });
    const found = await Promise.all(names.map((name) => sessions.find(name)));
    expect(found.map((session) => session?.profile?.username)).toEqual(["alice", undefined, "bob"]);
  });

  test("all readers share a lease, and not beyond a part of its time", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    const leases = await Promise.all(["alice", "grace"].map((name) => leaseOf(sessions, name)));
    const [lease = "", other] = leases;
    expect(other).toBe(lease);
    await eventually("it is renewed", async () => (await sessions.lease("grace")) !== lease);
    expect(await raw.pttl(lease)).toBeGreaterThan(0);
  });

  test("find() is one command, however the cache stands, and opening a session is one", async () => {
    await using redis = await openSessions();
    const { sessions, redisUrl } = redis;
    const monitor = await new Redis(redisUrl).monitor();
    const commands: string[] = [];
    const database = new URL(redisUrl).pathname.slice(1);
    monitor.on("monitor", (_time, [command]: string[], source: string, on: string) => {
      if (source !== "lua" && on === database && command) commands.push(command);
    });
    // Once MONITOR shows a command of ours, all before it have been shown.
    const commandsSoFar = async () => {
      await redis.raw.echo("so far");
      while (!commands.includes("echo")) await Bun.sleep(10);
      return commands.splice(0).filter((command) => command !== "echo");
    };

    // A script is sent whole the first time that a server sees it, and by its digest from then on.
    await sessions.open("s0", OLD, await sessions.lease("grace"));
    await sessions.find("s0");
    await redis.raw.del("user:grace");

    await commandsSoFar();
    const lease = await sessions.lease("grace");
    await commandsSoFar(); // Where it was renewed.
    await sessions.open("s1", OLD, lease);
    expect(await commandsSoFar()).toEqual(["evalsha"]);
    expect((await sessions.find("s1"))?.profile).toBeDefined();
    expect(await commandsSoFar()).toEqual(["evalsha"]);
    await redis.raw.del("user:grace");
    await commandsSoFar();
    expect(await sessions.find("s1")).toEqual({ username: "grace" });
    expect(await commandsSoFar()).toEqual(["evalsha"]);
    expect(await sessions.find("s2")).toBeUndefined();
    expect(await commandsSoFar()).toEqual(["evalsha"]);
    monitor.disconnect();
  });
});

describe.skipIf(!hasRedis)("Redis errors", () => {
  test("do not carry the session's id, which would end up in logs", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    await raw.config("SET", "maxmemory", "1");
    let error: unknown;
    try {
      error = await sessions.open("s3cr3t", OLD, undefined).catch((error: unknown) => error);
    } finally {
      await raw.config("SET", "maxmemory", "0");
    }

    expect(error).toBeInstanceOf(StorageError);
    expect(inspect(error, { depth: null, showHidden: true })).toContain("OOM");
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain("s3cr3t");
  });
});

describe.skipIf(!hasRedis)("a Redis that is full", () => {
  test("grants no lease, and closes the cache of an update that had begun", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await leaseOf(sessions, "grace"));
    try {
      await sessions.invalidating("grace", async () => {
        await raw.config("SET", "maxmemory", "1");
      });
      await eventually("there is none", async () => (await sessions.lease("grace")) === undefined);
      expect(await sessions.find("s1")).toEqual({ username: "grace" });
      await expect(sessions.invalidating("alice", async () => undefined)).rejects.toThrow("OOM");
    } finally {
      await raw.config("SET", "maxmemory", "0");
    }
    await redis.settle("grace");
    await eventually("there is one", async () => (await sessions.lease("grace")) !== undefined);
  });
});

describe.skipIf(!hasRedis).each([...REDISES])("the cache in $name", ({ shared }) => {
  test("is filled under a lease that stands, and under no other", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, undefined);
    const ended = await leaseOf(sessions, "grace");
    await raw.del(ended);
    for (const lease of ["{user:grace}:lease:nobody's", ended]) {
      await sessions.fill(OLD, lease);
      await sessions.open("s1", OLD, lease);
      expect(await sessions.find("s1")).toEqual({ username: "grace" });
    }
    let lease = ended;
    await eventually("it has another", async () => {
      lease = await leaseOf(sessions, "grace");
      return lease !== ended;
    });

    await sessions.fill(OLD, lease);

    expect(await sessions.find("s1")).toEqual({
      username: "grace",
      profile: { username: "grace", nickname: "old", profilePath: "default.webp" },
    });
  });

  test("does not take an old value from a reader who is slower than a whole update", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, undefined);
    const slow = await leaseOf(sessions, "grace");

    await sessions.invalidating("grace", async () => undefined);
    await sessions.fill(OLD, slow);
    expect((await sessions.find("s1"))?.profile).toBeUndefined();

    await sessions.open("s2", OLD, slow);
    expect((await sessions.find("s2"))?.profile).toBeUndefined();

    // Nor later: its lease ends before the cache is open again.
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThanOrEqual(await raw.pttl(slow));
    await redis.settle("grace");
    await sessions.fill(OLD, slow);
    await sessions.open("s2", OLD, slow);
    expect((await sessions.find("s2"))?.profile).toBeUndefined();
  });

  test("is empty and takes nothing while a writer is at work, nor until all has settled", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await leaseOf(sessions, "grace"));
    expect((await sessions.find("s1"))?.profile?.nickname).toBe("old");

    await sessions.invalidating("grace", async () => {
      expect(await sessions.find("s1")).toEqual({ username: "grace" });
      expect(await isOpen(sessions, raw, "grace")).toBe(false);
      // Of another user, it takes everything.
      expect(await isOpen(sessions, raw, "alice")).toBe(true);
    });

    expect(await isOpen(sessions, raw, "grace")).toBe(false);
    await redis.settle("grace");
    await sessions.fill(NEW, await leaseOf(sessions, "grace"));
    expect((await sessions.find("s1"))?.profile?.nickname).toBe("new");
  });

  test("stays closed until the last of several writers is through", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const began = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const writes = [first, second].map((gate, i) =>
      sessions.invalidating("grace", () => {
        began[i]?.resolve();
        return gate.promise;
      }),
    );
    await Promise.all(began.map((each) => each.promise));

    second.resolve();
    await writes[1];
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(30_000);
    expect(await isOpen(sessions, raw, "grace")).toBe(false);

    first.resolve();
    await writes[0];
    await redis.settle("grace");
    expect(await isOpen(sessions, raw, "grace")).toBe(true);
  });

  test("stays closed after an update that failed, as it may still happen, but not for ever", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await sessions.lease("grace"));

    const failing = sessions.invalidating("grace", () => Promise.reject(new Error("timed out")));
    await expect(failing).rejects.toThrow("timed out");

    expect(await sessions.find("s1")).toEqual({ username: "grace" });
    const ttlMs = await raw.pttl("{user:grace}:dirty");
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
    await sessions.invalidating("grace", async () => undefined);
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(30_000);
    expect(await isOpen(sessions, raw, "grace")).toBe(false);
  });

  test("stays closed for all of its time after an update, however soon another's mark expires", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    const failing = sessions.invalidating("grace", () => Promise.reject(new Error("timed out")));
    await expect(failing).rejects.toThrow("timed out");
    await sessions.invalidating("grace", async () => {
      await raw.pexpire("{user:grace}:dirty", 500);
    });
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(1_000);
  });

  test("is closed by a writer that dies after its commit, and opens when its mark has expired", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", OLD, await leaseOf(sessions, "grace"));
    const slow = await leaseOf(sessions, "grace");
    const committed = Promise.withResolvers<void>();

    void sessions.invalidating("grace", () => {
      committed.resolve();
      return new Promise<never>(() => undefined);
    });
    await committed.promise;

    expect(await isOpen(sessions, raw, "grace")).toBe(false);
    const [mark, lease] = await Promise.all([raw.pttl("{user:grace}:dirty"), raw.pttl(slow)]);
    expect(mark).toBeGreaterThan(lease + 30_000);
    await raw.pexpire("{user:grace}:dirty", 1);
    while (await raw.exists("{user:grace}:dirty")) await Bun.sleep(1);
    expect(await isOpen(sessions, raw, "grace")).toBe(true);
  });

  test("keeps nothing from before an update in which Redis forgets all that it knew", async () => {
    await using redis = await openSessions(shared);
    const { sessions } = redis;
    let slow = "";

    await sessions.invalidating("grace", async () => {
      await redis.empty();
      await sessions.open("s1", OLD, undefined);
      await eventually("it is filled", async () => {
        slow = await leaseOf(sessions, "grace");
        await sessions.fill(OLD, slow);
        return (await sessions.find("s1"))?.profile?.nickname === "old";
      });
    });

    expect((await sessions.find("s1"))?.profile).toBeUndefined();
    await sessions.fill(OLD, slow);
    expect((await sessions.find("s1"))?.profile).toBeUndefined();
    expect(await redis.raw.pttl("{user:grace}:dirty")).toBeGreaterThan(0);
  });

  test("stays closed for a writer's whole time, whenever another's began", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;

    await sessions.invalidating("grace", async () => {
      await raw.pexpire("{user:grace}:dirty", 1_000);
      await sessions.invalidating("grace", async () => {
        expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(30_000);
      });
    });
  });

  test("never shows a value older than the last update that was through", async () => {
    // Less than some readers take: leases end, and the cache opens, all the time.
    await using redis = await openSessions(shared, { leaseMs: 8 });
    const { sessions } = redis;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    let row = 0;
    let through = 0;
    await sessions.open("s1", user("grace", { nickname: "0" }), undefined);

    const write = () =>
      sessions.invalidating("grace", async () => {
        await Bun.sleep(random() * 3);
        const version = ++row;
        await Bun.sleep(random() * 3);
        return version;
      });
    let hits = 0;
    const read = async () => {
      const oldest = through;
      const found = await sessions.find("s1");
      if (found?.profile) hits++;
      const lease = found?.profile ? undefined : await sessions.lease("grace");
      await Bun.sleep(random() * 2);
      const nickname = found?.profile?.nickname ?? String(row);
      expect({ seed, isFresh: Number(nickname) >= oldest }).toEqual({ seed, isFresh: true });
      await Bun.sleep(random() * 20);
      if (lease) await sessions.fill(user("grace", { nickname }), lease);
    };
    let isOver = false;
    const readers = Array.from({ length: 8 }, async () => {
      while (!isOver) await read();
    });
    const writers = Array.from({ length: 2 }, async () => {
      for (let i = 0; i < 25; i++) {
        through = Math.max(through, await write());
        await Bun.sleep(random() * 60);
      }
    });
    await Promise.all(writers).finally(() => {
      isOver = true;
    });
    await Promise.all(readers);

    // A cache that is never hit would pass all of the above.
    expect(hits).toBeGreaterThan(0);
  });
});

/** mulberry32: a generator whose whole run follows from its seed. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
