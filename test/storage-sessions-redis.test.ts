import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Cluster } from "ioredis";
import { entryOf, sessionsOf } from "../src/storage/redis/entry.ts";
import { endedKey, INDEX_RESERVE_MS, indexKey, sessionKey } from "../src/storage/redis/keys.ts";
import { SCRIPTS } from "../src/storage/redis/scripts.ts";
import { openSessions, REDISES } from "./cached-sessions.ts";
import { startForwarder } from "./forwarder.ts";
import { startLosingLine } from "./line.ts";
import { available as hasRedis, sharedRedis, startRedis } from "./redis.ts";
import { sharedRedisCluster, startRedisCluster } from "./redis-cluster.ts";
import { openRedis } from "./redis-keys.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  newSession,
  open,
  user,
} from "./storage-pairs.ts";

// The index of a user's sessions in Redis, and faults between its commands.

// The shared Redis may start within the first test, and the machine may be slow.
setDefaultTimeout(90_000);

const GRACE = user("grace");
const INDEX = indexKey("grace");
/** After this time without an answer, the masters of a cluster consider a master dead. */
const NODE_TIMEOUT_MS = 2_000;
const LONG_AGO = { createdAtMs: Date.now() - 60_000, expiresAtMs: Date.now() };

describe.skipIf(!hasRedis).each([...REDISES])("the index of sessions in $name", ({ shared }) => {
  test("has every live session, and its list removes the other entries", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    for (const id of ["s1", "s2"]) await sessions.open(newSession(id, GRACE));
    await sessions.open(newSession("a1", user("alice")));
    const stale = ["expired", "a1"].map((sessionId) =>
      entryOf({ ...LONG_AGO, sessionId, device: "", address: "" }),
    );
    await raw.lpush(INDEX, ...stale);

    expect((await sessions.list("grace")).map(({ sessionId }) => sessionId)).toEqual(["s2", "s1"]);

    const kept = sessionsOf(await raw.lrange(INDEX, 0, -1));
    expect(kept.map(({ sessionId }) => sessionId)).toEqual(["s2", "s1"]);
    expect((await sessions.find("a1"))?.username).toBe("alice");
  });

  test("lives as long as the session that lasts longest", async () => {
    await using redis = await openSessions(shared);
    await using folder = await createFolder();
    const location = { redisUrl: redis.redisUrl, dataDir: folder.dataDir };
    await using brief = await open(location, { sessionTtlSeconds: 10 });
    await brief.sessions.open(newSession("s0", GRACE));
    expect(await redis.raw.pttl(INDEX)).toBeWithin(1, 10_001 + INDEX_RESERVE_MS);
    await redis.sessions.open(newSession("s1", GRACE));
    await brief.sessions.open(newSession("s2", GRACE));
    expect(await redis.raw.pttl(INDEX)).toBeWithin(1_700_000, 1_800_001 + INDEX_RESERVE_MS);
  });

  test("outlives each new session, even if it has lost most of its reserve", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", GRACE));
    for (const [id, leftMs] of [["s2", 1_790_000] as const, ["s3", 1_805_000] as const]) {
      await raw.pexpire(INDEX, leftMs);
      await sessions.open(newSession(id, GRACE));
      const [index, session] = await Promise.all([raw.pttl(INDEX), raw.pttl(sessionKey(id))]);
      expect(index).toBeGreaterThanOrEqual(session);
    }
  });

  test("replaces a key of another program", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await raw.set(INDEX, "no list");
    await sessions.open(newSession("s1", GRACE));
    expect((await sessions.list("grace")).map(({ sessionId }) => sessionId)).toEqual(["s1"]);
  });
});

describe.skipIf(!hasRedis).each([...REDISES])("a sign-in in $name", ({ shared }) => {
  test("need not read its user again if the row it has read is current", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    let opened = 0;
    const mustRecheck = async (lease: string | undefined) =>
      (await sessions.open(newSession(`s${opened++}`, GRACE, lease))).mustRecheck;

    expect(await mustRecheck(await sessions.lease("grace"))).toBe(false);
    expect(await mustRecheck(undefined)).toBe(true);
    expect(await mustRecheck("{user:grace}:lease:ended")).toBe(true);
    const before = await sessions.lease("grace");
    await sessions.invalidating("grace", async () => {
      expect(await mustRecheck(before)).toBe(true);
      expect(await mustRecheck(await sessions.lease("grace"))).toBe(true);
    });
    // The settling mark.
    expect(await mustRecheck(before)).toBe(true);
    await redis.settle("grace");
    expect(await mustRecheck(before)).toBe(true);
    await raw.del(before ?? "");
    await eventually("it has a new lease", async () => (await sessions.lease("grace")) !== before);
    expect(await mustRecheck(await sessions.lease("grace"))).toBe(false);
    const failing = sessions.invalidating("grace", () => Promise.reject(new Error("timed out")));
    await expect(failing).rejects.toThrow("timed out");
    expect(await mustRecheck(await sessions.lease("grace"))).toBe(true);
  });
});

test.skipIf(!hasRedis).each([
  ["Redis", () => startRedis()],
  ["Redis Cluster", () => startRedisCluster(NODE_TIMEOUT_MS)],
] as const)("a full %s lists and ends sessions, and opens none", async (_, start) => {
  await using own = await start();
  await using redis = await openSessions(async () => own);
  const { sessions, raw } = redis;
  for (const id of ["s1", "s2", "s3", "s4"]) await sessions.open(newSession(id, GRACE));
  const servers = raw instanceof Cluster ? raw.nodes("master") : [raw];
  const fill = async () => {
    await Promise.all(servers.map((server) => server.config("SET", "maxmemory", "1")));
    return true;
  };
  expect(await sessions.invalidating("grace", fill, { except: "s1" })).toBe(true);
  await expectStorageError(() => sessions.open(newSession("s5", GRACE)));
  expect((await sessions.list("grace")).map(({ sessionId }) => sessionId)).toEqual(["s1"]);
  expect(await sessions.end("grace", ["s2"])).toBe(0);
  expect(await sessions.endAll("grace")).toBe(1);
  expect(await sessions.find("s1")).toBeUndefined();
});

describe.skipIf(!hasRedis)("a session in a cluster that was ended", () => {
  test("is not stored by a command that is late", async () => {
    await using redis = await openSessions(sharedRedisCluster);
    const { sessions, raw } = redis;
    const lease = await sessions.lease("grace");
    // As if the entry had been stored first: the index names a session that does not exist yet.
    const times = { createdAtMs: Date.now(), expiresAtMs: Date.now() + 1_800_000 };
    const entry = entryOf({ ...times, sessionId: "s1", device: "", address: "" });
    await raw.rpush(INDEX, entry);
    expect(await sessions.list("grace")).toEqual([]);
    expect(await raw.lrange(INDEX, 0, -1)).toEqual([entry]);
    expect(await sessions.endAll("grace")).toBe(0);

    expect(await sessions.open(newSession("s1", GRACE, lease))).toEqual({ mustRecheck: true });

    expect(await sessions.find("s1")).toBeUndefined();
    expect(await raw.pttl(endedKey("s1"))).toBeWithin(1, 10_001);
  });

  test("is counted once, even if the command comes twice", async () => {
    await using redis = await openSessions(sharedRedisCluster);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", GRACE));
    const { lua, numberOfKeys } = SCRIPTS.endSession;
    const end = (username: string, ending: string) =>
      raw.eval(lua, numberOfKeys, sessionKey("s1"), endedKey("s1"), username, ending, 10_000);
    const ended = [];
    for (const [username, ending] of [
      ["alice", "a"],
      ["grace", "b"],
      ["grace", "b"],
      ["grace", "c"],
    ] as const) {
      ended.push(await end(username, ending));
    }
    expect(ended).toEqual([0, 1, 1, 0]);
  });
});

/** Sessions behind a proxy, and the Redis behind it. */
async function openBehind<Line extends AsyncDisposable>(
  start: (redisUrl: string) => Promise<Line>,
  urlOf: (line: Line, redisUrl: string) => string,
) {
  await using opening = new AsyncDisposableStack();
  const redisUrl = await (await sharedRedis()).createDatabase();
  const line = opening.use(await start(redisUrl));
  const folder = opening.use(await createFolder());
  const { sessions } = opening.use(await open({ redisUrl: urlOf(line, redisUrl), ...folder }));
  const { keys: raw } = opening.use(await openRedis(redisUrl));
  const opened = opening.move();
  return { redisUrl, line, sessions, raw, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

describe.skipIf(!hasRedis)("a lost answer of Redis", () => {
  const openLosing = () => openBehind(startLosingLine, ({ url }) => url);

  test("to end() or endAll(): the count of the first time", async () => {
    await using opened = await openLosing();
    const { line, sessions } = opened;
    for (const id of ["s1", "s2", "s3"]) await sessions.open(newSession(id, GRACE));
    line.loseAnswerTo(INDEX);
    expect(await sessions.end("grace", ["s1"])).toBe(1);
    line.loseAnswerTo(INDEX);
    expect(await sessions.endAll("grace")).toBe(2);
    expect(line.lost).toBe(2);
  });

  test("to open(): one entry, the older session lives, and the row must be read again", async () => {
    await using opened = await openLosing();
    const { line, sessions, raw } = opened;
    for (let n = 1; n < 20; n++) await sessions.open(newSession(`s${n}`, GRACE));
    const lease = await sessions.lease("grace");
    line.loseAnswerTo(sessionKey("s20"));
    expect(await sessions.open(newSession("s20", GRACE, lease))).toEqual({ mustRecheck: true });
    expect(line.lost).toBe(1);
    expect(await raw.llen(INDEX)).toBe(20);
    expect(await sessions.find("s1")).toBeDefined();
  });
});

test.skipIf(!hasRedis)("Redis is cut off as sessions end: they end when it is back", async () => {
  const portOf = (url: string) => Number(new URL(url).port);
  await using opened = await openBehind(
    (redisUrl) => startForwarder(portOf(redisUrl)),
    ({ port }, redisUrl) => redisUrl.replace(/:\d+/, `:${port}`),
  );
  const { line, sessions, raw } = opened;
  const port = portOf(opened.redisUrl);
  for (const id of ["s1", "s2"]) await sessions.open(newSession(id, GRACE));

  const error = await expectStorageError(() =>
    sessions.invalidating(
      "grace",
      async () => {
        line.moveTo(1);
        line.silence();
        return true;
      },
      { except: "s2" },
    ),
  );

  expect(error.message).toStartWith("Cannot drop profile: ");
  // The mark remains, so that each sign-in reads the row again.
  expect(await raw.smembers("{user:grace}:dirty")).not.toEqual(["settling"]);
  expect(await raw.exists(sessionKey("s1"))).toBe(1);
  line.moveTo(port);
  await eventually("it has ended", async () => (await raw.exists(sessionKey("s1"))) === 0);
  await eventually("the mark is removed", async () => {
    const marks = await raw.smembers("{user:grace}:dirty");
    return marks.every((mark) => mark === "settling");
  });
  expect(await raw.get(sessionKey("s2"))).toBe("grace");
});
