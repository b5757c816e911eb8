import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { MYSQL_MIGRATIONS } from "../src/storage/mysql/migrations.ts";
import { userDatabase } from "../src/storage/user-database.ts";
import { StorageError } from "../src/user/stores.ts";
import { openRowsAt } from "./contract/rows.ts";
import { type Galera, available as hasGalera, holdUp, startGalera } from "./galera.ts";
import { migrate } from "./migrate-command.ts";
import { contents, createOriginal, insertMany, insertOriginal } from "./original-table.ts";
import { sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";
import { startStack } from "./stack.ts";
import { createFolder, eventually, open, recordingLog, user } from "./storage-pairs.ts";

// Two servers of Portico, each with its own node of a Galera cluster. One node applies late.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

/** Longer than an answer without waiting, and shorter than the limit of a look-up. */
const LATE_MS = 400;
/** So short that the cache opens again before the late node has caught up. */
const LEASE_MS = 20;

const SUITE = hasGalera
  ? "two Galera nodes"
  : "two Galera nodes (left out: MariaDB or its galera-4 is not installed)";

describe.skipIf(!hasGalera)(SUITE, () => {
  let galera: Galera;
  beforeAll(async () => {
    galera = await startGalera();
  });
  afterAll(() => galera[Symbol.asyncDispose]());

  /** An empty database, opened through both nodes. */
  async function openBoth() {
    await using owned = new AsyncDisposableStack();
    const { dataDir } = owned.use(await createFolder());
    const urls = await galera.createDatabase();
    const [one, other] = [
      owned.use(await open({ databaseUrl: urls[0], dataDir })),
      owned.use(await open({ databaseUrl: urls[1], dataDir })),
    ];
    const moved = owned.move();
    return {
      urls,
      one: one.users,
      other: other.users,
      /** The rows of the second node, without waiting for what it has not applied yet. */
      async shown() {
        await using rows = await openRowsAt(urls[1], dataDir);
        return rows.query("SELECT username, nickname FROM user");
      },
      holdUp: () => holdUp(urls[1], urls[0]),
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  }

  test.skipIf(!hasRedis)("an update is visible, and cached, through the late node", async () => {
    const [first, second] = await galera.createDatabase();
    const redis = { REDIS_URL: await (await sharedRedis()).createDatabase() };
    await using one = await startStack({ ...redis, DATABASE_URL: first }, 1, LEASE_MS);
    await using other = await startStack({ ...redis, DATABASE_URL: second }, 1, LEASE_MS);
    const grace = { username: "grace", password: "hopper1906" };
    await one.user.signUp(grace);
    const { sessionId } = await one.user.signIn(grace);
    const { nickname: old } = await other.user.getUserInfo({ sessionId });

    await using late = await holdUp(second, first);
    await one.user.updateNickname({ sessionId, nickname: "new" });
    await Bun.sleep(5 * LEASE_MS);
    const reading = other.user.getUserInfo({ sessionId });
    await Bun.sleep(LATE_MS);
    await using rows = await openRowsAt(second, "");
    expect(await rows.query("SELECT nickname FROM user")).toEqual([{ nickname: old }]);
    await late.remove();

    expect(await reading).toMatchObject({ nickname: "new" });
    expect(await one.user.getUserInfo({ sessionId })).toMatchObject({ nickname: "new" });
    expect(await other.user.getUserInfo({ sessionId })).toMatchObject({ nickname: "new" });
  });

  test("a node that is later than the limit of a look-up gives an error, not an old row", async () => {
    await using users = await openBoth();
    await users.one.insert(user("grace", { nickname: "old" }));
    await using late = await users.holdUp();
    await users.one.setNickname("grace", "new");

    const [found, changed] = await Promise.allSettled([
      users.other.find("grace"),
      users.other.setNickname("grace", "newest"),
    ]);

    expect(found).toMatchObject({ status: "rejected", reason: expect.any(StorageError) });
    expect(changed).toMatchObject({ status: "rejected", reason: expect.any(StorageError) });
    expect(await users.shown()).toEqual([{ username: "grace", nickname: "old" }]);
    await late.remove();
    // The update that was given up may still be carried out.
    const { nickname } = (await users.other.find("grace")) ?? {};
    expect(["new", "newest"]).toContain(nickname ?? "");
  });

  test("a user who signed up through one node can be changed through the late node", async () => {
    await using users = await openBoth();
    await using late = await users.holdUp();
    await users.one.insert(user("grace"));
    const changing = users.other.setNickname("grace", "new");
    await Bun.sleep(LATE_MS);
    expect(await users.shown()).toEqual([]);
    await late.remove();

    expect(await changing).toBe(true);
    expect(await users.one.find("grace")).toMatchObject({ nickname: "new" });
  });

  test("a user who signed up through one node cannot sign up again through the late node", async () => {
    await using users = await openBoth();
    await using late = await users.holdUp();
    await users.one.insert(user("grace"));
    const again = users.other.insert(user("grace", { nickname: "another" }));
    await Bun.sleep(LATE_MS);
    expect(await users.shown()).toEqual([]);
    await late.remove();

    expect(await again).toBe(false);
    expect(await users.other.find("grace")).toMatchObject({ nickname: "nick grace" });
  });

  test("updates through both nodes at once all succeed, and both nodes agree on the last one", async () => {
    await using users = await openBoth();
    await users.one.insert(user("grace"));
    for (let round = 0; round < 20; round++) {
      const names = [`one ${round}`, `other ${round}`];
      const updates = [users.one, users.other].map((each, i) =>
        each.setNickname("grace", names[i] ?? ""),
      );
      expect(await Promise.all(updates)).toEqual([true, true]);
      const found = await users.one.find("grace");
      expect(names).toContain(found?.nickname ?? "");
      expect(await users.other.find("grace")).toEqual(found);
    }
  });

  test("a user who was deleted or disabled through one node is so through the late node", async () => {
    await using users = await openBoth();
    for (const name of ["grace", "alice"]) await users.one.insert(user(name));
    expect(await users.other.search("", undefined, 10)).toHaveLength(2);
    await using late = await users.holdUp();
    await users.one.delete("grace");
    await users.one.setDisabled("alice", true);
    const reading = Promise.all([
      users.other.find("grace"),
      users.other.findAccount("grace"),
      users.other.find("alice"),
      users.other.search("", undefined, 10),
    ]);
    const deleting = users.other.delete("grace");
    await Bun.sleep(LATE_MS);
    expect(await users.shown()).toHaveLength(2);
    await late.remove();

    expect(await reading).toMatchObject([
      undefined,
      undefined,
      { isDisabled: true },
      [{ username: "alice", disabledAt: expect.any(String) }],
    ]);
    expect(await deleting).toBe(false);
  });

  test("servers that make a secret through both nodes at once get the same", async () => {
    await using users = await openBoth();
    for (let round = 0; round < 20; round++) {
      const secrets = await Promise.all(
        [users.one, users.other, users.one, users.other].map((each, i) =>
          each.secret(`key ${round}`, () => `made by ${i}`),
        ),
      );
      expect(new Set(secrets).size).toBe(1);
    }
    await using late = await users.holdUp();
    await users.one.secret("early", () => "one");
    const reading = users.other.secret("early", () => "other");
    await Bun.sleep(LATE_MS);
    await late.remove();
    expect(await reading).toBe("one");
  });

  test("servers that migrate an empty database through both nodes at once get one table", async () => {
    for (let round = 0; round < 3; round++) {
      const urls = await galera.createDatabase();
      await using folder = await createFolder();
      const opened = await Promise.all(
        [0, 1, 0, 1].map((node) => open({ ...folder, databaseUrl: urls[node] })),
      );
      await Promise.all(opened.map((storage) => storage.close()));
      await expectMigrated(urls);
    }
  });

  test("a table is created on all nodes, whatever the default of a node is", async () => {
    const urls = await galera.createDatabase();
    await using folder = await createFolder();
    await using rows = await openRowsAt(urls[0], folder.dataDir);
    await rows.query("SET GLOBAL wsrep_OSU_method = 'RSU'");
    await using _ = await open({ ...folder, databaseUrl: urls[0] });
    await rows.query("SET GLOBAL wsrep_OSU_method = 'TOI'");
    await expectMigrated(urls);
  });

  test("commands that convert an original table through both nodes at once keep its rows", async () => {
    const urls = await galera.createDatabase();
    await using folder = await createFolder();
    await using rows = await openRowsAt(urls[0], folder.dataDir);
    await createOriginal(rows, "CHARACTER SET latin1");
    await insertOriginal(rows, [{ username: "grace", nickname: null }]);
    await rows.query("UPDATE user SET nickname = 'grace', salt = ''");
    await insertMany(rows, 20_000);
    const before = await contents(rows);

    const migrated = await Promise.all(
      urls.map((databaseUrl) => migrate({ ...folder, databaseUrl })),
    );

    for (const { exitCode, output } of migrated) {
      expect(output).toEndWith("\n");
      expect(exitCode).toBe(0);
    }
    await expectMigrated(urls);
    for (const url of urls) {
      await using either = await openRowsAt(url, folder.dataDir);
      expect(await contents(either)).toEqual(before);
    }
  });

  test("seeds through both nodes at once fill one table", async () => {
    const urls = await galera.createDatabase();
    await using folder = await createFolder();
    const events = { waiting: () => undefined, applying: () => undefined };
    const seeds = await Promise.all(
      urls.map((databaseUrl) =>
        userDatabase({ ...folder, databaseUrl }).openSeed((n) => `test${n}`, events),
      ),
    );
    const userOf = (n: number) => user(`test${n}`);
    for (const end of [1_000, 2_000, 3_000]) {
      await Promise.all(seeds.map((seed) => seed.advance(end, userOf)));
    }
    for (const seed of seeds) {
      expect(await seed.progress()).toEqual({ next: 3_000, taken: 0 });
      await seed.close();
    }
    for (const url of urls) {
      await using rows = await openRowsAt(url, folder.dataDir);
      expect(await rows.query("SELECT COUNT(DISTINCT username) AS n FROM user")).toEqual([
        { n: 3_000 },
      ]);
    }
  });

  // The last test, since it damages the cluster.
  test("a node that is cut off gives errors, not old rows, and a start waits for it", async () => {
    await using users = await openBoth();
    await users.one.insert(user("grace", { nickname: "old" }));
    expect(await users.other.find("grace")).toMatchObject({ nickname: "old" });
    await using isolation = await galera.isolate(1);
    await eventually("it has left the cluster", () =>
      users.shown().then(
        () => false,
        (error) => error.errno === 1047,
      ),
    );
    expect(await users.one.setNickname("grace", "new")).toBe(true);
    await expect(users.other.find("grace")).rejects.toBeInstanceOf(StorageError);
    const { log, messages } = recordingLog();
    await using folder = await createFolder();
    const opening = open({ ...folder, databaseUrl: users.urls[1] }, { log });
    await eventually("it waits", async () =>
      messages.some((message) => message.startsWith("warn waiting for MySQL at ")),
    );

    await isolation.remove();

    await using storage = await opening;
    expect(await storage.users.find("grace")).toMatchObject({ nickname: "new" });
    expect(await users.other.find("grace")).toMatchObject({ nickname: "new" });
  });

  async function expectMigrated(urls: readonly string[]): Promise<void> {
    for (const url of urls) {
      await using rows = await openRowsAt(url, "");
      await rows.query("SET wsrep_sync_wait = 15");
      const steps = await rows.query("SELECT version FROM migration ORDER BY version");
      expect(steps).toEqual(MYSQL_MIGRATIONS.map(({ version }) => ({ version })));
      const keys = await rows.query(
        `SELECT DISTINCT index_name AS name FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY 1`,
      );
      expect(keys).toHaveLength(3);
    }
  }
});
