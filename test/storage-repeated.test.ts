import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closedKey, SCRIPTS, sessionKey } from "../src/storage/redis/scripts.ts";
import { openSessions, REDISES } from "./cached-sessions.ts";
import { startLosingLine } from "./losing-line.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";
import { openRedis } from "./redis-keys.ts";
import { createFolder, open, user } from "./storage-pairs.ts";

// Redis has carried a command out, and the connection breaks before its answer: ioredis sends it
// again, and the caller must get the answer that the first one had.

// The shared Redis may start within the first test, and the machine be slow.
setDefaultTimeout(60_000);

const GRACE = user("grace");

/** Sessions at the end of a line that may break, and a raw client of the same Redis. */
async function openLine() {
  await using opening = new AsyncDisposableStack();
  const redisUrl = await (await sharedRedis()).createDatabase();
  const line = opening.use(await startLosingLine(redisUrl));
  const folder = opening.use(await createFolder());
  const { sessions } = opening.use(await open({ redisUrl: line.url, dataDir: folder.dataDir }));
  const raw = opening.use(await openRedis(redisUrl));
  const opened = opening.move();
  return { line, sessions, raw, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

describe.skipIf(!hasRedis)("an answer of Redis that is lost", () => {
  test("to the end of a session: it has ended, and was there", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    await sessions.open("s1", GRACE, undefined);
    line.loseAnswerTo(sessionKey("s1"));
    expect(await sessions.close("s1")).toBe(true);
    expect(line.lost).toBe(1);
    expect(await sessions.find("s1")).toBeUndefined();
    // One that was not there, or has ended before, is none, also if that is said twice.
    for (const sessionId of ["s1", "s2", "s{3}"]) {
      line.loseAnswerTo(sessionKey(sessionId));
      expect(await sessions.close(sessionId)).toBe(false);
    }
    expect(line.lost).toBe(3);
  });

  test("to the end of one of many sessions at once: each was there", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
    await Promise.all(ids.map((id) => sessions.open(id, GRACE, undefined)));
    line.loseAnswerTo(sessionKey("s7"));
    const ended = await Promise.all(ids.map((id) => sessions.close(id)));
    expect(ended).toEqual(ids.map(() => true));
    expect(line.lost).toBe(1);
  });

  test("to the begin of a session, with its profile: it has begun, once", async () => {
    await using opened = await openLine();
    const { line, sessions, raw } = opened;
    const lease = await sessions.lease("grace");
    line.loseAnswerTo(sessionKey("s1"));
    await sessions.open("s1", GRACE, lease);
    expect(line.lost).toBe(1);
    expect(await sessions.find("s1")).toMatchObject({ profile: { nickname: GRACE.nickname } });
    expect(await raw.matching("session:*")).toEqual(["session:s1"]);
  });

  test("to a look-up or a lease: it is asked for again", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    await sessions.open("s1", GRACE, undefined);
    line.loseAnswerTo("{user:}:lease:");
    // None after a connection was lost, for a while: recovery.ts.
    expect(await sessions.lease("grace")).toBeUndefined();
    line.loseAnswerTo(sessionKey("s1"));
    expect(await sessions.find("s1")).toEqual({ username: "grace" });
    expect(line.lost).toBe(2);
  });

  test("to a mark or to a drop: the update is made once, and no mark is left behind", async () => {
    await using opened = await openLine();
    const { line, sessions, raw } = opened;
    let updates = 0;
    line.loseAnswerTo("{user:grace}:dirty");
    const updated = sessions.invalidating("grace", async () => {
      updates++;
      line.loseAnswerTo("{user:grace}:dirty");
      return true;
    });
    expect(await updated).toBe(true);
    expect([updates, line.lost]).toEqual([1, 2]);
    expect(await raw.keys.smembers("{user:grace}:dirty")).toEqual(["settling"]);
  });
});

describe.skipIf(!hasMariaDb)("an answer of MySQL that is lost", () => {
  test("to a sign-up or an update is no answer: neither is made twice, or told as taken", async () => {
    await using folder = await createFolder();
    const databaseUrl = await (await sharedMariaDb()).createDatabase();
    await using line = await startLosingLine(`${databaseUrl}?ssl-mode=DISABLED`);
    await using storage = await open({ databaseUrl: line.url, ...folder });
    const { users } = storage;
    expect(await users.insert(user("alan"))).toBe(true);
    line.loseAnswerTo("grace");
    await expect(users.insert(GRACE)).rejects.toThrow("Cannot insert user");
    expect(line.lost).toBe(1);
    line.loseAnswerTo("Amazing");
    await expect(users.setNickname("grace", "Amazing")).rejects.toThrow("Cannot update nickname");
    expect(line.lost).toBe(2);
    // It may be read again, on another connection, and shows that both have happened.
    expect(await users.find("alan")).toBeDefined();
    line.loseAnswerTo("grace");
    expect(await users.find("grace")).toMatchObject({ nickname: "Amazing" });
    expect(line.lost).toBe(3);
    expect(await users.insert(GRACE)).toBe(false);
  });
});

describe.skipIf(!hasRedis).each([...REDISES])("in $name, a command sent twice", ({ shared }) => {
  test("to end a session has one answer, and a key that is not kept", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open("s1", GRACE, undefined);
    const close = (closing: string) =>
      raw.eval(
        SCRIPTS.closeSession.lua,
        SCRIPTS.closeSession.numberOfKeys,
        ...[sessionKey("s1"), closedKey("s1", closing), 10_000],
      );
    expect([await close("a"), await close("a"), await close("b")]).toEqual([1, 1, 0]);
    expect(await redis.matching("*")).toEqual([closedKey("s1", "a")]);
    expect(await raw.pttl(closedKey("s1", "a"))).toBeWithin(1, 10_001);
  });
});
