import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { StorageError } from "../src/user/stores.ts";
import { leaseOf, openSessions, REDISES } from "./cached-sessions.ts";
import { available as hasRedis, unsharedRedis } from "./redis.ts";
import { eventually, newSession, user } from "./storage-pairs.ts";

// What sessions in Redis promise beyond src/user/stores.ts, except for the cache: the keys, the
// round trips of a look-up, and a Redis that is full.

// The shared Redis may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const OLD = user("grace", { nickname: "old" });

describe.skipIf(!hasRedis).each([...REDISES])("the keys in $name", ({ shared }) => {
  test("sessions are strings and profiles are hashes, with their prefixes and the TTL", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;

    await sessions.open(newSession("s1", OLD, await sessions.lease("grace")));

    const keys = await redis.matching("*");
    expect(keys.filter((key) => !/^\{user:(grace)?\}:(lease:|history$)/.test(key))).toEqual([
      ...["session:s1", "user:grace", "{user:grace}:sessions"],
    ]);
    expect(await raw.get("session:s1")).toBe("grace");
    expect(await raw.hgetall("user:grace")).toEqual({
      username: "grace",
      nickname: "old",
      profilePath: "default.webp",
    });
    expect(await raw.type("{user:grace}:sessions")).toBe("list");
    for (const key of ["session:s1", "user:grace"]) {
      expect(await raw.pttl(key)).toBeGreaterThan(1_700_000);
      expect(await raw.pttl(key)).toBeLessThanOrEqual(1_800_000);
    }
  });

  test("a sign-in writes a cached profile again, and does not extend it", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await sessions.lease("grace")));
    await raw.hset("user:grace", "nickname", "by hand");
    await raw.pexpire("user:grace", 100_000);

    await sessions.open(newSession("s2", OLD, await sessions.lease("grace")));

    expect(await raw.hget("user:grace", "nickname")).toBe("old");
    expect(await raw.pttl("user:grace")).toBeWithin(1, 100_001);
  });

  test("find() renews neither the session nor the profile", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await sessions.lease("grace")));
    await raw.pexpire("session:s1", 100_000);
    await raw.pexpire("user:grace", 100_000);

    expect((await sessions.find("s1"))?.profile?.nickname).toBe("old");

    expect(await raw.pttl("session:s1")).toBeLessThanOrEqual(100_000);
    expect(await raw.pttl("user:grace")).toBeLessThanOrEqual(100_000);
  });

  test("every key expires, including those of leases and of running updates", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await sessions.lease("grace")));
    const expectAllToExpire = async (keys: readonly string[]) => {
      const found = await redis.matching("*");
      expect(found.filter((key) => !/lease:|:history$/.test(key))).toEqual([...keys]);
      for (const key of found) expect(await raw.pttl(key)).toBeGreaterThan(0);
    };

    const index = "{user:grace}:sessions";
    await expectAllToExpire(["session:s1", "user:grace", index]);
    await sessions.invalidating("grace", async () => {
      await expectAllToExpire(["session:s1", "{user:grace}:dirty", index]);
    });
    await expectAllToExpire(["session:s1", "{user:grace}:dirty", index]);
    await redis.settle("grace");
    await expectAllToExpire(["session:s1", index]);
  });
});

describe.skipIf(!hasRedis)("a single Redis", () => {
  test("a key of another program costs only its user the cache", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD));
    await raw.set("user:grace", "not a hash");
    await raw.rpush("session:s4", "no session");
    const alice = user("alice");
    const lease = await sessions.lease("alice");
    // Each in one script.
    await Promise.all([
      sessions.open(newSession("s2", OLD, await sessions.lease("grace"))),
      sessions.open(newSession("s3", alice, lease)),
    ]);
    const ids = ["s1", "s2", "s3", "s4"];
    const [grace, , found, none] = await Promise.all(ids.map((id) => sessions.find(id)));
    expect(grace).toEqual({ username: "grace" });
    expect(none).toBeUndefined();
    expect(found?.profile?.username).toBe("alice");
  });

  test("an update of a user closes the cache for that user only", async () => {
    await using redis = await openSessions();
    const { sessions } = redis;
    const names = ["alice", "grace", "bob"];
    await sessions.invalidating("grace", async () => {
      const lease = await sessions.lease("grace");
      // In one script.
      await Promise.all(names.map((name) => sessions.open(newSession(name, user(name), lease))));
    });
    const found = await Promise.all(names.map((name) => sessions.find(name)));
    expect(found.map((session) => session?.profile?.username)).toEqual(["alice", undefined, "bob"]);
  });

  test("all readers share a lease, for a part of its time", async () => {
    await using redis = await openSessions();
    const { sessions, raw } = redis;
    const leases = await Promise.all(["alice", "grace"].map((name) => leaseOf(sessions, name)));
    const [lease = "", other] = leases;
    expect(other).toBe(lease);
    await eventually("it is renewed", async () => (await sessions.lease("grace")) !== lease);
    expect(await raw.pttl(lease)).toBeGreaterThan(0);
  });

  test("find() is one command, hit or miss, and so is open()", async () => {
    // The Redis of this file: ioredis fails if a command of others comes while MONITOR begins.
    await using redis = await openSessions(unsharedRedis);
    const { sessions, redisUrl } = redis;
    const monitor = await new Redis(redisUrl).monitor();
    const commands: string[] = [];
    const database = new URL(redisUrl).pathname.slice(1);
    monitor.on("monitor", (_time, [command]: string[], source: string, on: string) => {
      if (source !== "lua" && on === database && command) commands.push(command);
    });
    // When MONITOR shows this command, it has shown all earlier ones.
    const commandsSoFar = async () => {
      await redis.raw.echo("so far");
      while (!commands.includes("echo")) await Bun.sleep(10);
      return commands.splice(0).filter((command) => command !== "echo");
    };

    // The first time, a script is sent as text, and from then on by its digest.
    await sessions.open(newSession("s0", OLD, await sessions.lease("grace")));
    await sessions.find("s0");
    await redis.raw.del("user:grace");

    await commandsSoFar();
    const lease = await sessions.lease("grace");
    await commandsSoFar(); // The lease may have been renewed.
    await sessions.open(newSession("s1", OLD, lease));
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
  test("do not contain the session id, which would end up in logs", async () => {
    await using redis = await openSessions(unsharedRedis);
    const { sessions, raw } = redis;
    await raw.config("SET", "maxmemory", "1");
    let error: unknown;
    try {
      error = await sessions.open(newSession("s3cr3t", OLD)).catch((error: unknown) => error);
    } finally {
      await raw.config("SET", "maxmemory", "0");
    }

    expect(error).toBeInstanceOf(StorageError);
    expect(inspect(error, { depth: null, showHidden: true })).toContain("OOM");
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain("s3cr3t");
  });
});

describe.skipIf(!hasRedis)("a Redis that is full", () => {
  test("grants no lease, and closes the cache after an update that had begun", async () => {
    await using redis = await openSessions(unsharedRedis);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await leaseOf(sessions, "grace")));
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
