import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { RowDataPacket } from "mysql2";
import { Availability } from "../src/storage/availability.ts";
import { MysqlClient } from "../src/storage/mysql/client.ts";
import { MysqlHosts } from "../src/storage/mysql/hosts.ts";
import { expectRecovery } from "./cached-sessions.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  newSession,
  open,
  recordingLog,
  silent,
  user,
} from "./storage-pairs.ts";

// Databases that die, hang, start late or refuse. Each test has its own server, so that the tests
// can wait for timeouts at the same time.

// Recovery alone may take as long as `eventually` waits.
setDefaultTimeout(90_000);

/** A server that a test can kill or freeze. */
interface Victim {
  readonly pid: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const FAULTS = [
  {
    fault: "killed",
    hurt: (server: Victim) => server.kill(),
    heal: (server: Victim) => server.restart(),
  },
  {
    fault: "hanging",
    hurt: (server: Victim) => freeze(server.pid),
    heal: async (server: Victim) => void process.kill(server.pid, "SIGCONT"),
  },
];

/** The lines of the migrations. */
function withoutRepeats(messages: readonly string[]): string[] {
  return messages.filter((message, index) => message !== messages[index - 1]);
}

function succeeds(call: () => Promise<unknown>): Promise<boolean> {
  return call().then(
    () => true,
    () => false,
  );
}

// Not concurrent: SQLite blocks this process while it waits for the file.
test("SQLite: a start waits for a file that another process has locked", async () => {
  await using folder = await createFolder();
  using holder = new Database(join(folder.dataDir, "portico.sqlite"));
  holder.run("BEGIN EXCLUSIVE");
  const { log, messages } = recordingLog();

  const opening = open(folder, { log });
  await eventually("it waits", async () => messages.length === 1);
  holder.run("COMMIT");

  await using storage = await opening;
  expect(await storage.users.insert(user("grace"))).toBe(true);
  const where = `SQLite in ${folder.dataDir} (DATA_DIR)`;
  expect(messages).toEqual([`warn waiting for ${where}`, `info connected to ${where}`]);
});

describe.concurrent.skipIf(!hasMariaDb)("MySQL", () => {
  test.each(FAULTS)(
    "$fault: calls fail in bounded time, and work when it is up again",
    async (how) => {
      await using mariadb = await startMariaDb();
      await using folder = await createFolder();
      const databaseUrl = await mariadb.createDatabase();
      const { log, messages } = recordingLog();
      await using storage = await open({ databaseUrl, ...folder }, { log });
      await storage.users.insert(user("grace"));

      await how.hurt(mariadb);
      // In the second round, no old connection is left.
      for (let round = 0; round < 2; round++) {
        // More calls than connections and places in the queue.
        const many = Array.from({ length: 400 }, () => () => storage.users.insert(user("alice")));
        const update = () => storage.users.setNickname("grace", "x");
        const read = () => storage.users.find("grace");
        const ping = () => storage.users.ping();
        await Promise.all([read, update, ...many, ping].map(expectStorageError));
        // A single call as well, such as a health check, after the hanging calls were given up.
        await expectStorageError(ping);
      }
      await how.heal(mariadb);

      await eventually("it is back", () => succeeds(() => storage.users.ping()));
      await eventually("it is back", () => succeeds(() => storage.users.find("grace")));
      expect(await storage.users.insert(user("hopper"))).toBe(true);
      const where = `MySQL at ${new URL(databaseUrl).host} (DATABASE_URL)`;
      expect(withoutRepeats(messages.filter((message) => message.endsWith(where)))).toEqual([
        `info migrating ${where}`,
        `info connected to ${where}`,
        `warn waiting for ${where}`,
        `info connected to ${where}`,
      ]);
    },
  );

  test("hanging: an update whose call has failed is not begun later", async () => {
    await using mariadb = await startMariaDb();
    await using folder = await createFolder();
    await using storage = await open({ databaseUrl: await mariadb.createDatabase(), ...folder });
    const { users } = storage;
    await users.insert(user("grace"));

    await freeze(mariadb.pid);
    // The first update is sent on the only connection, and may be carried out after the freeze.
    await expectStorageError(() => users.setNickname("grace", "first"));
    await expectStorageError(() => users.setNickname("grace", "second"));
    process.kill(mariadb.pid, "SIGCONT");

    await eventually("it is back", () => succeeds(() => users.find("grace")));
    await Bun.sleep(1_000);
    expect((await users.find("grace"))?.nickname).not.toBe("second");
  });

  test("no wait for the lock of a row or of the table outlives its statement", async () => {
    await using mariadb = await startMariaDb();
    const client = new MysqlClient(new MysqlHosts(mariadb.url), new Availability("MySQL", silent));
    const [waits] = await client.execute<RowDataPacket[]>(
      "SELECT @@innodb_lock_wait_timeout AS rowSeconds, @@lock_wait_timeout AS tableSeconds",
      [],
    );
    await client.close();
    expect(waits).toMatchObject({ rowSeconds: "1", tableSeconds: "1" });
  });

  test("a start waits if the database goes down before the secrets are read", async () => {
    await using mariadb = await startMariaDb();
    await using folder = await createFolder();
    const databaseUrl = await mariadb.createDatabase();
    const { log, messages } = recordingLog();
    await using storage = await open({ databaseUrl, ...folder }, { log });
    await mariadb.kill();

    const secret = storage.secret("key", () => "a secret");
    await eventually("it waits", async () => messages.some((line) => line.startsWith("warn")));
    await mariadb.restart();

    expect(await secret).toBe("a secret");
  });

  test("a secret that can never be read stops the start", async () => {
    await using mariadb = await startMariaDb();
    await using folder = await createFolder();
    await using storage = await open({ databaseUrl: await mariadb.createDatabase(), ...folder });
    await expectStorageError(() => storage.secret("key", () => "s".repeat(1_000)));
  });

  test("a refused password or database stops the start, and the message has no secret", async () => {
    await using mariadb = await startMariaDb();
    await using folder = await createFolder();
    const wrongPassword = `${mariadb.url.replace("secret", "s3cr3t")}/mysql`;

    for (const databaseUrl of [wrongPassword, `${mariadb.url}/missing`]) {
      const { log, messages } = recordingLog();
      const error = await expectStorageError(() => open({ databaseUrl, ...folder }, { log }));
      expect(error.message).toStartWith(
        `Cannot open MySQL at ${new URL(databaseUrl).host} (DATABASE_URL): `,
      );
      expect(error.message).not.toMatch(/s3cr3t|secret/);
      expect(messages).toEqual([]);
    }
  });
});

describe.concurrent.skipIf(!hasRedis)("Redis", () => {
  test.each(FAULTS)(
    "$fault: calls fail in bounded time, and work when it is up again",
    async (how) => {
      await using redis = await startRedis();
      await using folder = await createFolder();
      const redisUrl = await redis.createDatabase();
      const { log, messages } = recordingLog();
      await using storage = await open({ redisUrl, ...folder }, { log });
      const { sessions } = storage;
      await sessions.open(newSession("s1", user("grace")));

      await how.hurt(redis);
      for (let round = 0; round < 2; round++) {
        await expectStorageError(() => sessions.find("s1"));
        await expectStorageError(() => sessions.ping());
        await expectStorageError(() => sessions.open(newSession("s2", user("grace"))));
        let isUpdated = false;
        await expectStorageError(() =>
          sessions.invalidating("grace", async () => {
            isUpdated = true;
          }),
        );
        // If the cached copy cannot be dropped, the row must not change.
        expect(isUpdated).toBe(false);
        await Promise.all(
          Array.from({ length: 400 }, () => expectStorageError(() => sessions.find("s"))),
        );
      }
      const healedAtMs = performance.now();
      await how.heal(redis);

      await eventually("it is back", () => succeeds(() => sessions.ping()));
      await eventually("it is back", () => succeeds(() => sessions.find("s1")));
      await expectRecovery(sessions, "grace", healedAtMs);
      await sessions.open(newSession("s3", user("grace")));
      expect((await sessions.find("s3"))?.username).toBe("grace");
      const where = `Redis at ${new URL(redisUrl).host} (REDIS_URL)`;
      expect(messages.filter((message) => message.includes("Redis"))).toEqual([
        `info connected to ${where}`,
        `warn waiting for ${where}`,
        `info connected to ${where}`,
      ]);
    },
  );

  test("down at the end of an update: the update fails, and the drop is tried until it succeeds", async () => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    await using storage = await open({ redisUrl, ...folder });
    let isUpdated = false;

    await expectStorageError(() =>
      storage.sessions.invalidating("grace", async () => {
        isUpdated = true;
        await redis.kill();
      }),
    );
    expect(isUpdated).toBe(true);

    await redis.restart();
    await using raw = disposable(new Redis(redisUrl));
    // A reader began after the restart and before the update. The mark was lost with the memory.
    await raw.redis.hset("user:grace", { username: "grace", nickname: "old", profilePath: "x" });
    await eventually("it is dropped", async () => (await raw.redis.exists("user:grace")) === 0);
  });

  test.each([
    ["killed", (redis: Victim) => redis.kill()],
    ["frozen", (redis: Victim) => freeze(redis.pid)],
  ])("%s: the storage closes all the same", async (_, hurt) => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const storage = await open({ redisUrl: await redis.createDatabase(), ...folder });
    await hurt(redis);
    await storage.close();
  });

  test.each([
    ["restarted, empty,", true],
    ["gone", false],
  ])("%s as an update fails: its mark is set again", async (_, isBackBefore) => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const redisUrl = await redis.createDatabase();
    await using storage = await open({ redisUrl, ...folder });
    await using raw = disposable(new Redis(redisUrl));
    raw.redis.on("error", () => undefined); // While it is down.
    const [profile, dirty] = ["user:grace", "{user:grace}:dirty"];

    const failing = storage.sessions.invalidating("grace", async () => {
      await redis.kill();
      if (isBackBefore) {
        await redis.restart();
        // A reader began after the restart and has filled the cache with an old row.
        await raw.redis.hset(profile, { username: "grace", nickname: "old", profilePath: "x" });
      }
      throw new Error("timed out");
    });
    await expect(failing).rejects.toThrow("timed out");
    if (!isBackBefore) {
      await Bun.sleep(2_000); // Longer than one try.
      await redis.restart();
    }

    await eventually("it is marked", async () => (await raw.redis.exists(dirty)) > 0);
    expect(await raw.redis.exists(profile)).toBe(0);
    expect(await raw.redis.pttl(dirty)).toBeGreaterThan(30_000);
    // Another reader is about to fill, and must not.
    await raw.redis.set("lease:another's", "");
    await storage.sessions.fill(user("grace"), "lease:another's");
    expect(await raw.redis.exists(profile)).toBe(0);
  });

  test("a refused database number or password stops the start", async () => {
    await using redis = await startRedis();
    await using folder = await createFolder();
    const wrongPassword = redis.url.replace("redis://", "redis://nobody:s3cr3t@");

    for (const redisUrl of [`${redis.url}/512`, wrongPassword]) {
      const error = await expectStorageError(() => open({ redisUrl, ...folder }));
      expect(error.message).toStartWith(
        `Cannot open Redis at ${new URL(redisUrl).host} (REDIS_URL): `,
      );
      expect(error.message).not.toContain("s3cr3t");
    }
  });
});

test.concurrent.skipIf(!hasRedis)("Redis: a user without the right to INFO works", async () => {
  await using redis = await startRedis();
  await using folder = await createFolder();
  const redisUrl = (await redis.createDatabase()).replace("redis://", "redis://portico:secret@");
  await using raw = disposable(new Redis(redis.url));
  await raw.redis.acl("SETUSER", "portico", "on", ">secret", "~*", "+@all", "-@dangerous");
  await using storage = await open({ redisUrl, ...folder });
  await storage.sessions.open(newSession("s1", user("grace")));
  expect((await storage.sessions.find("s1"))?.username).toBe("grace");
});

describe.concurrent.skipIf(!hasMariaDb || !hasRedis)("a start without its databases", () => {
  test("waits for them, says so once, and goes on when they are up", async () => {
    await using mariadb = await startMariaDb();
    await using redis = await startRedis();
    await using folder = await createFolder();
    const databaseUrl = await mariadb.createDatabase();
    const redisUrl = await redis.createDatabase();
    await Promise.all([mariadb.kill(), redis.kill()]);
    const { log, messages } = recordingLog();
    const mysqlAt = `MySQL at ${new URL(databaseUrl).host} (DATABASE_URL)`;
    const redisAt = `Redis at ${new URL(redisUrl).host} (REDIS_URL)`;

    const opening = open({ databaseUrl, redisUrl, ...folder }, { log });
    await eventually("it waits for MySQL", async () => messages.length === 1);
    await Bun.sleep(1_500);
    expect(messages).toEqual([`warn waiting for ${mysqlAt}`]);
    await mariadb.restart();
    await eventually("it waits for Redis", async () => messages.at(-1)?.endsWith(redisAt) === true);
    await redis.restart();

    await using storage = await opening;
    expect(await storage.users.insert(user("grace"))).toBe(true);
    expect(withoutRepeats(messages)).toEqual([
      `warn waiting for ${mysqlAt}`,
      `info migrating ${mysqlAt}`,
      `info connected to ${mysqlAt}`,
      `warn waiting for ${redisAt}`,
      `info connected to ${redisAt}`,
    ]);
  });
});

function disposable(redis: Redis): { redis: Redis } & AsyncDisposable {
  return { redis, [Symbol.asyncDispose]: async () => redis.disconnect() };
}
