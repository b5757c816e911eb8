import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { seededRandom } from "../src/rpc/testing/seed.ts";
import { isOpen, leaseOf, openSessions, REDISES } from "./cached-sessions.ts";
import { available as hasRedis } from "./redis.ts";
import { createFolder, eventually, newSession, open, user } from "./storage-pairs.ts";

// The cache of profiles under leases and marks: docs/cache.md.

// The shared Redis may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const OLD = user("grace", { nickname: "old" });
const NEW = user("grace", { nickname: "new" });

describe.skipIf(!hasRedis).each([...REDISES])("the cache in $name", ({ shared }) => {
  test("is filled only under a lease that stands", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD));
    const ended = await leaseOf(sessions, "grace");
    await raw.del(ended);
    for (const lease of ["{user:grace}:lease:nobody's", ended]) {
      await sessions.fill(OLD, lease);
      await sessions.open(newSession("s1", OLD, lease));
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

  test("sessions that begin together are filled under their own leases", async () => {
    await using redis = await openSessions(shared);
    const { sessions } = redis;
    const standing = {
      grace: await leaseOf(sessions, "grace"),
      alan: await leaseOf(sessions, "alan"),
    };

    await Promise.all([
      sessions.open(newSession("s1", user("alice"), "{user:alice}:lease:nobody's")),
      sessions.open(newSession("s2", user("grace"), standing.grace)),
      sessions.open(newSession("s3", user("edsger"))),
      sessions.open(newSession("s4", user("alan"), standing.alan)),
    ]);

    const found = await Promise.all(["s1", "s2", "s3", "s4"].map((id) => sessions.find(id)));
    expect(found.map((session) => session?.username)).toEqual(["alice", "grace", "edsger", "alan"]);
    expect(found.map((session) => session?.profile?.username)).toEqual([
      undefined,
      "grace",
      undefined,
      "alan",
    ]);
  });

  test("refuses an old value from a reader that is slower than a whole update", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD));
    const slow = await leaseOf(sessions, "grace");

    await sessions.invalidating("grace", async () => undefined);
    await sessions.fill(OLD, slow);
    expect((await sessions.find("s1"))?.profile).toBeUndefined();

    await sessions.open(newSession("s2", OLD, slow));
    expect((await sessions.find("s2"))?.profile).toBeUndefined();

    // Nor later, since its lease ends before the cache opens again.
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThanOrEqual(await raw.pttl(slow));
    await redis.settle("grace");
    await sessions.fill(OLD, slow);
    await sessions.open(newSession("s2", OLD, slow));
    expect((await sessions.find("s2"))?.profile).toBeUndefined();
  });

  test("stays closed after an update until the longest lease of any server has ended", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await using folder = await createFolder();
    const location = { redisUrl: redis.redisUrl, dataDir: folder.dataDir };
    await using quick = await open(location, { leaseMs: 20 });
    await sessions.open(newSession("s1", OLD));
    // A reader of one server has read the old row. The leases of the other server have ended.
    const slow = await leaseOf(sessions, "grace");
    await leaseOf(quick.sessions, "grace");

    await quick.sessions.invalidating("grace", async () => undefined);

    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThanOrEqual(await raw.pttl(slow));
    await Bun.sleep(60);
    await sessions.fill(OLD, slow);
    await sessions.open(newSession("s2", OLD, slow));
    expect((await quick.sessions.find("s1"))?.profile).toBeUndefined();
    await redis.settle("grace");
    expect(await isOpen(sessions, raw, "grace")).toBe(true);
  });

  test("stays closed for a writer's whole time, even if another build uses a shorter one", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.invalidating("grace", async () => {
      await raw.pexpire("{user:grace}:dirty", 90_000);
      await sessions.invalidating("grace", async () => {
        expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(70_000);
      });
    });
  });

  test("is empty and refuses fills during an update, and until it has settled", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await leaseOf(sessions, "grace")));
    expect((await sessions.find("s1"))?.profile?.nickname).toBe("old");

    await sessions.invalidating("grace", async () => {
      expect(await sessions.find("s1")).toEqual({ username: "grace" });
      expect(await isOpen(sessions, raw, "grace")).toBe(false);
      // Other users are not affected.
      expect(await isOpen(sessions, raw, "alice")).toBe(true);
    });

    expect(await isOpen(sessions, raw, "grace")).toBe(false);
    await redis.settle("grace");
    await sessions.fill(NEW, await leaseOf(sessions, "grace"));
    expect((await sessions.find("s1"))?.profile?.nickname).toBe("new");
  });

  test("stays closed until the last of several writers is done", async () => {
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

  test("stays closed for a while after a failed update, which may still be carried out", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await sessions.lease("grace")));

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

  test("stays closed for its whole time after an update, even if another mark expires earlier", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    const failing = sessions.invalidating("grace", () => Promise.reject(new Error("timed out")));
    await expect(failing).rejects.toThrow("timed out");
    await sessions.invalidating("grace", async () => {
      await raw.pexpire("{user:grace}:dirty", 500);
    });
    expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(1_000);
  });

  test("a writer that dies after its commit keeps it closed until its mark expires", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", OLD, await leaseOf(sessions, "grace")));
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

  test("keeps no old value if Redis loses its data during an update", async () => {
    await using redis = await openSessions(shared);
    const { sessions } = redis;
    let slow = "";

    await sessions.invalidating("grace", async () => {
      await redis.empty();
      await sessions.open(newSession("s1", OLD));
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

  test("stays closed for a writer's whole time, even if another writer began earlier", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;

    await sessions.invalidating("grace", async () => {
      await raw.pexpire("{user:grace}:dirty", 1_000);
      await sessions.invalidating("grace", async () => {
        expect(await raw.pttl("{user:grace}:dirty")).toBeGreaterThan(30_000);
      });
    });
  });

  test("never shows a value older than the last completed update", async () => {
    // Leases are shorter than some reads, so leases end and the cache opens all the time.
    await using redis = await openSessions(shared, { leaseMs: 8 });
    const { sessions } = redis;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    let row = 0;
    let through = 0;
    await sessions.open(newSession("s1", user("grace", { nickname: "0" })));

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

    // A cache without hits would pass all of the above.
    expect(hits).toBeGreaterThan(0);
  });
});
