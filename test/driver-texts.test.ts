import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import { openRowsAt } from "./contract/rows.ts";
import { available as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { available as hasRedis, sharedRedis, startRedis } from "./redis.ts";
import { type Stack, startStack } from "./stack.ts";

// Messages of drivers contain hosts, files and SQL: they go to the TCP tier's log, never to a peer.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const GRACE = { username: "grace", password: "hopper1906" };

/** @throws unless calls fail with DataBaseError and no other text */
async function expectNoWord({ user, url }: Stack, sessionId: string): Promise<void> {
  const calls = [
    () => user.signIn(GRACE),
    () => user.getUserInfo({ sessionId }),
    () => user.updateNickname({ sessionId, nickname: "new" }),
    () => user.signUp({ username: "hopper", password: "hopper1906" }),
  ];
  const outcomes = await Promise.allSettled(calls.map((call) => call()));
  const failed = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(failed.length).toBeGreaterThan(0);
  for (const { reason } of failed) {
    expect(reason).toMatchObject({ code: "DataBaseError", message: "DataBaseError" });
  }
  const cookie = { Cookie: `sessionID=${sessionId}` };
  const response = await fetch(`${url}/api/entrytask/user/get_user_info`, { headers: cookie });
  expect(await response.json()).toEqual({ errCode: "1", errMsg: "DataBaseError", data: "" });
  expect(response.headers.get("X-Error-Detail")).toBeNull();
}

async function signIn({ user }: Stack): Promise<string> {
  await user.signUp(GRACE);
  return (await user.signIn(GRACE)).sessionId;
}

test("SQLite: no file and no SQL reaches a peer", async () => {
  await using stack = await startStack();
  const sessionId = await signIn(stack);
  using database = new Database(join(stack.dataDir, "portico.sqlite"));
  database.run("DROP TABLE session");
  database.run("DROP TABLE user");
  await expectNoWord(stack, sessionId);
});

test.skipIf(!hasMariaDb || !hasRedis)("MySQL: no host and no SQL reaches a peer", async () => {
  const DATABASE_URL = await (await sharedMariaDb()).createDatabase();
  const REDIS_URL = await (await sharedRedis()).createDatabase();
  await using stack = await startStack({ DATABASE_URL, REDIS_URL });
  const sessionId = await signIn(stack);
  await using rows = await openRowsAt(DATABASE_URL, stack.dataDir);
  await rows.query("DROP TABLE user");
  const redis = new Redis(REDIS_URL);
  await redis.del("user:grace");
  redis.disconnect();
  await expectNoWord(stack, sessionId);
});

test.skipIf(!hasMariaDb || !hasRedis)("Redis: no host reaches a peer", async () => {
  const DATABASE_URL = await (await sharedMariaDb()).createDatabase();
  await using redis = await startRedis();
  await using stack = await startStack({ DATABASE_URL, REDIS_URL: redis.url });
  const sessionId = await signIn(stack);
  await redis.kill();
  await expectNoWord(stack, sessionId);
});
