import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closedKey, sessionKey } from "../src/storage/redis/keys.ts";
import { SCRIPTS } from "../src/storage/redis/scripts.ts";
import { openSessions, REDISES } from "./cached-sessions.ts";
import { startLosingLine } from "./line.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";
import { openRedis } from "./redis-keys.ts";
import { createFolder, newSession, open, user } from "./storage-pairs.ts";

// A connection breaks after Redis carried a command out and before the answer arrives. ioredis
// sends the command again, and the caller must get the answer of the first one.

// The shared Redis may start within the first test, and the machine may be slow.
setDefaultTimeout(60_000);

const GRACE = user("grace");

/** Sessions behind a connection that can be cut, and a raw client of the same Redis. */
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

describe.skipIf(!hasRedis)("a lost answer of Redis", () => {
  test("to close(): the username, since the session was there", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    await sessions.open(newSession("s1", GRACE));
    line.loseAnswerTo(sessionKey("s1"));
    expect(await sessions.close("s1")).toBe(GRACE.username);
    expect(line.lost).toBe(1);
    expect(await sessions.find("s1")).toBeUndefined();
    // Undefined if there was no such session or it has ended before, also at the second answer.
    for (const sessionId of ["s1", "s2", "s{3}"]) {
      line.loseAnswerTo(sessionKey(sessionId));
      expect(await sessions.close(sessionId)).toBeUndefined();
    }
    expect(line.lost).toBe(3);
  });

  test("to one close() of many: the username for each", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
    await Promise.all(ids.map((id) => sessions.open(newSession(id, GRACE))));
    line.loseAnswerTo(sessionKey("s7"));
    const ended = await Promise.all(ids.map((id) => sessions.close(id)));
    expect(ended).toEqual(ids.map(() => GRACE.username));
    expect(line.lost).toBe(1);
  });

  test("to open(): the session and its profile are there, once", async () => {
    await using opened = await openLine();
    const { line, sessions, raw } = opened;
    const lease = await sessions.lease("grace");
    line.loseAnswerTo(sessionKey("s1"));
    await sessions.open(newSession("s1", GRACE, lease));
    expect(line.lost).toBe(1);
    expect(await sessions.find("s1")).toMatchObject({ profile: { nickname: GRACE.nickname } });
    expect(await raw.matching("session:*")).toEqual(["session:s1"]);
  });

  test("to find() or lease(): it is sent again", async () => {
    await using opened = await openLine();
    const { line, sessions } = opened;
    await sessions.open(newSession("s1", GRACE));
    line.loseAnswerTo("{user:}:lease:");
    // After a lost connection, no lease is granted for a while: recovery.ts.
    expect(await sessions.lease("grace")).toBeUndefined();
    line.loseAnswerTo(sessionKey("s1"));
    expect(await sessions.find("s1")).toEqual({ username: "grace" });
    expect(line.lost).toBe(2);
  });

  test("to a mark or a drop: the update runs once, and no mark remains", async () => {
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

describe.skipIf(!hasMariaDb)("a lost answer of MySQL", () => {
  test("to a sign-up or an update is an error: nothing runs twice, and no name is said to be taken", async () => {
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
    // A look-up on another connection shows that both were carried out.
    expect(await users.find("alan")).toBeDefined();
    line.loseAnswerTo("grace");
    expect(await users.find("grace")).toMatchObject({ nickname: "Amazing" });
    expect(line.lost).toBe(3);
    expect(await users.insert(GRACE)).toBe(false);
  });
});

describe.skipIf(!hasRedis).each([...REDISES])("in $name, a repeated command", ({ shared }) => {
  test("to close a session has one answer, and its key expires", async () => {
    await using redis = await openSessions(shared);
    const { sessions, raw } = redis;
    await sessions.open(newSession("s1", GRACE));
    const close = (closing: string) =>
      raw.eval(
        SCRIPTS.closeSession.lua,
        SCRIPTS.closeSession.numberOfKeys,
        ...[sessionKey("s1"), closedKey("s1", closing), 10_000],
      );
    expect([await close("a"), await close("a"), await close("b")]).toEqual([
      "grace",
      "grace",
      null,
    ]);
    expect(await redis.matching("*closed:*")).toEqual([closedKey("s1", "a")]);
    expect(await raw.pttl(closedKey("s1", "a"))).toBeWithin(1, 10_001);
  });
});
