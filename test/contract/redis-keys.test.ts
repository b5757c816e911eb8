import { expect, setDefaultTimeout, test } from "bun:test";
import { openRedis } from "../redis-keys.ts";
import { eventually } from "../storage-pairs.ts";
import { Api, newMember, newName, nicknameOf, profileOf } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeRedis, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";
const HALF_HOUR_MS = 1800_000;

describeRedis("the keys in Redis", (pair) => {
  const shared = sharedStack(pair);
  const open = () => openRedis(shared.environment.REDIS_URL ?? "");

  test.each(["grace", "Анастасия", "_-._"])("of %p have the contract's shape", async (username) => {
    await using redis = await open();
    const { sessionId, api } = await newMember(shared.stack, username);
    const { keys } = redis;
    const session = `session:${sessionId}`;
    expect(await keys.type(session)).toBe("string");
    expect(await keys.get(session)).toBe(username);
    expect(await keys.type(`user:${username}`)).toBe("hash");
    const profile = profileOf(await api.userInfo());
    expect(await keys.hgetall(`user:${username}`)).toEqual({ ...profile });
    for (const key of [session, `user:${username}`]) {
      const left = await keys.pttl(key);
      expect(left).toBeGreaterThan(HALF_HOUR_MS - 60_000);
      expect(left).toBeLessThanOrEqual(HALF_HOUR_MS);
    }
  });

  test("are stored by a sign-in that follows one with a wrong password", async () => {
    await using redis = await open();
    const [api, username] = [new Api(shared.stack.url), newName()];
    await api.signUp(username, PASSWORD);
    expect((await api.signIn(username, "wrong-pass")).code).toBe("5");
    expect((await api.signIn(username, PASSWORD)).code).toBe("7");
    expect(await redis.keys.hget(`user:${username}`, "username")).toBe(username);
  });

  test("of a session are not renewed by use, and a sign-out deletes them", async () => {
    await using redis = await open();
    const { sessionId, api } = await newMember(shared.stack);
    const session = `session:${sessionId}`;
    await redis.keys.pexpire(session, 60_000);
    await api.userInfo();
    await api.nickname("x");
    await api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])));
    expect(await redis.keys.pttl(session)).toBeLessThanOrEqual(60_000);
    await api.signOut();
    expect(await redis.keys.exists(session)).toBe(0);
  });

  test("of a user are read, and filled again if they are missing", async () => {
    await using redis = await open();
    const { username, api } = await newMember(shared.stack);
    const key = `user:${username}`;
    const profile = profileOf(await api.userInfo());
    await redis.keys.hset(key, "nickname", "cached");
    expect(await nicknameOf(api)).toBe("cached");
    await redis.keys.del(key);
    expect(profileOf(await api.userInfo())).toEqual(profile);
    await eventually("it is cached again", async () => (await redis.keys.exists(key)) === 1);
    expect(await redis.keys.hgetall(key)).toEqual({ ...profile });
    expect(await redis.keys.pttl(key)).toBeGreaterThan(HALF_HOUR_MS - 60_000);
  });

  test("of a user are deleted by every change", async () => {
    await using redis = await open();
    const { username, api } = await newMember(shared.stack);
    const key = `user:${username}`;
    expect(await redis.keys.exists(key)).toBe(1);
    await api.nickname("Grace");
    expect(await redis.keys.exists(key)).toBe(0);
    await eventually("it is cached again", async () => {
      await api.userInfo();
      return (await redis.keys.exists(key)) === 1;
    });
    await api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])));
    expect(await redis.keys.exists(key)).toBe(0);
  });

  test("all carry a prefix, so that a session id can never name a user", async () => {
    await using redis = await open();
    const { username, api } = await newMember(shared.stack);
    for (const sessionId of [username, `user:${username}`, `../user:${username}`]) {
      expect((await api.withSession(sessionId).userInfo()).code).toBe("2");
    }
    for (const key of await redis.matching("*")) {
      expect(key).toMatch(/^(session:|user:|\{user:|fail:\{)/);
    }
  });
});
